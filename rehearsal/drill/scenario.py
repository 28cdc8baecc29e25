"""What happens during a drill besides the runbook, and where a look is taken: by the titles of its steps."""

from collections.abc import Callable, Mapping

from rehearsal.drill.checks import gone
from rehearsal.drill.findings import Findings
from rehearsal.drill.nightly import back_up
from rehearsal.drill.site import Site

Happening = Callable[[], str]  # what there is to say of it
RECORDS, IN_FLIGHT, MEANWHILE = 20, 3, 5


class Scenario:
    """The story: a region that is first cut off, then lost, then well again.

    Args:
        site: Where it happens.
        findings: The looks that are taken.
    """

    def __init__(self, *, site: Site, findings: Findings) -> None:
        self._site = site
        self.before: Mapping[str, tuple[Happening, ...]] = {"Check": (self._work,), "Fence again": (self._return,)}
        self.after: Mapping[str, tuple[Happening, ...]] = {
            "Terminal": (findings.opened,),
            "Check": (findings.ready,),
            "Decide": (self._cut_off,),
            "Fence": (findings.fenced, self._lose),
            "Look": (findings.known,),
            "Bring up": (findings.brought_up,),
            "Database": (findings.logs_in,),
            "Sessions": (findings.uses_the_sessions,),
            "Verify": (findings.works,),
            "Let customers in": (self._serve,),
            "Fence again": (findings.fenced,),
            "Catch up": (findings.caught_up,),
            "Stop there": (findings.stopped,),
            "Bring the audit log home": (findings.home,),
            "Serve from home": (findings.serving,),
            "Take it down": (findings.taken_down,),
        }

    def _work(self) -> str:
        """A day of work, and the night's backup."""
        self._write_in(self._site.names.primary, number=RECORDS, moment="before")
        copies = back_up(self._site.here("backup"))
        return f"{RECORDS} records of each kind written, {copies} backups copied"

    def _cut_off(self) -> str:
        primary = self._site.names.primary
        self._site.emulator.fail(primary, state="cut-off")
        self._write_in(primary, number=IN_FLIGHT, moment="in_flight")
        return f"{primary} is cut off, and {IN_FLIGHT} more records of each kind are written in it"

    def _lose(self) -> str:
        primary = self._site.names.primary
        self._site.emulator.fail(primary, state="lost")
        gone(self._site.here("dynamodb"), region=primary)
        return f"{primary} is lost"

    def _serve(self) -> str:
        recovery = self._site.names.recovery
        self._write_in(recovery, number=MEANWHILE, moment="meanwhile")
        return f"{MEANWHILE} records of each kind written in {recovery}"

    def _return(self) -> str:
        self._site.emulator.fail(self._site.names.primary, state="well")
        return f"{self._site.names.primary} is well again"

    def _write_in(self, region: str, *, number: int, moment: str) -> None:
        for kind in self._site.kinds.values():
            kind.put(getattr(kind, moment), region=region, number=number)
