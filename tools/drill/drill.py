"""The drill: the platform stands, the runbook is carried out step by step, and the region fails between two of them."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from botocore.exceptions import ClientError

from cdk_rehearsal import assembly
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.console import Console
from cdk_rehearsal.console import Step as Shown
from cdk_rehearsal.documented import ACCOUNT, DRILL, CommandError, Terminal, blocks
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import RehearsalError
from cdk_rehearsal.workplace import Workplace
from cdk_rehearsal.workstation import PIPELINE_STACK, bootstrap_account
from tools.drill import data
from tools.drill.checks import DrillError, gone
from tools.drill.data import back_up
from tools.drill.findings import Findings
from tools.drill.names import Names
from tools.drill.platform import Platform, Site
from tools.drill.report import Report, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A heading of the third level and its blocks."""

    title: str
    commands: tuple[str, ...]  # run by the drill
    by_hand: tuple[str, ...]  # need an account


def read(page: Path) -> list[Step]:
    """The steps of a page; a block of any other kind is refused, because nobody would know whether it was rehearsed."""
    return list(_steps(page.read_text(encoding="utf-8"), name=page.name))


def _steps(text: str, *, name: str) -> Iterator[Step]:
    _, *parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        found = list(blocks(body))
        for block in found:
            if block.marks not in (DRILL, ACCOUNT):
                raise RehearsalError(
                    f"{name}, {title}: a block is marked '{block.marks}': write '{DRILL}' where the drill can run it, "
                    f"'{ACCOUNT}' where it cannot.\n{block.code}"
                )
        yield Step(
            title=title,
            commands=tuple(block.code for block in found if block.marks == DRILL),
            by_hand=tuple(block.code for block in found if block.marks == ACCOUNT),
        )


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
        self.before: Mapping[str, tuple[Happening, ...]] = {"Check": (self._work,), "Check the fence": (self._return,)}
        self.after: Mapping[str, tuple[Happening, ...]] = {
            "Terminal": (findings.opened,),
            "Check": (findings.ready,),
            "Decide": (self._cut_off,),
            "Fence": (findings.fenced, self._lose),
            "Record the recovery point": (findings.known,),
            "Deploy the platform": (findings.brought_up,),
            "Restore the database": (findings.logs_in,),
            "Connect the sessions": (findings.uses_the_sessions,),
            "Verify": (findings.works,),
            "Switch traffic": (self._serve,),
            "Check the fence": (findings.fenced,),
            "Wait for replication": (findings.caught_up,),
            "Stop the recovered service": (findings.stopped,),
            "Copy the audit log back": (findings.home,),
            "Resume in the primary region": (findings.serving,),
            "Delete the recovery environment": (findings.taken_down,),
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


PAGE = Path("docs", "disaster-recovery.md")


class Drill:
    """One drill.

    Args:
        checkout: The clone whose runbook and settings are drilled.
        directory: Its cloud assembly.
        emulator: An emulator that nothing else uses: one of its regions is going to fail.
        console: Where the drill tells what it does.
        logs: Where the output of commands goes.
    """

    def __init__(self, *, checkout: Path, directory: Path, emulator: Emulator, console: Console, logs: Path) -> None:
        self._steps = read(checkout / PAGE)
        self._names = names = Names.of(directory)
        self._directory = TemporaryDirectory(prefix="drill-")
        scratch = Path(self._directory.name)
        logs.mkdir(parents=True, exist_ok=True)
        self._workplace = Workplace.prepare(scratch, emulator=emulator, checkout=checkout, logs=logs, console=console)
        self._platform = Platform(emulator=emulator, directory=directory)
        self._home = assembly.stack(assembly.stacks(directory), construct_id=PIPELINE_STACK).environment
        self._shown: Shown | None = None
        self._terminal = Terminal(
            self._workplace,
            account=names.account,
            region=names.recovery,
            directory=checkout,
            log=logs / "commands.log",
            watch=self._show,
        )
        self._kinds = data.kinds(partial(emulator.client, account=names.account), names=names)
        site = Site(emulator=emulator, names=names, kinds=self._kinds)
        self._scenario = Scenario(site=site, findings=Findings(site=site, terminal=self._terminal))
        self._results: list[StepResult] = []
        known = {step.title for step in self._steps}
        if missing := sorted({*self._scenario.before, *self._scenario.after} - known):
            raise RehearsalError(f"{PAGE} has no step {', '.join(missing)}: tools/drill/drill.py looks for it.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running and nothing behind but the logs."""
        self._workplace.processes.stop()
        self._directory.cleanup()

    def stand_up(self) -> None:
        """Everything as a delivery leaves it; the account is bootstrapped as the README has it done."""
        names, console = self._names, self._workplace.console
        console.heading(f"{names.environment} stands, in {names.primary} and {names.recovery}")
        places = [Environment(account=names.account, region=region) for region in (names.primary, names.recovery)]
        with console.step("the stacks of every environment") as step, ThreadPoolExecutor() as pool:
            bootstrapped = pool.submit(bootstrap_account, self._workplace, places, home=self._home)
            self._platform.deploy(step=step)
            bootstrapped.result()

    def carry_out(self) -> Report:
        """Go through the whole runbook; a step that fails ends it."""
        started, reason = time.monotonic(), ""
        self._workplace.console.heading(str(PAGE))
        try:
            for step in self._steps:
                self._step(step)
        except (DrillError, CommandError, ClientError) as error:
            reason = str(error)
        return Report(
            environment=self._names.environment,
            lost=self._names.primary,
            reason=reason,
            seconds=time.monotonic() - started,
            steps=tuple(self._results),
            kinds=tuple(self._kinds.values()),
        )

    def _show(self, line: str) -> None:
        if self._shown is not None:
            self._shown.watch(line)

    def _step(self, step: Step) -> None:
        started = time.monotonic()
        result = StepResult(title=step.title, commands=len(step.commands), by_hand=step.by_hand)
        self._results.append(result)
        with self._workplace.console.step(step.title) as shown:
            self._shown = shown
            notes = [happening() for happening in self._scenario.before.get(step.title, ())]
            for block in step.commands:
                self._terminal.run(block, title=step.title)
            notes += [happening() for happening in self._scenario.after.get(step.title, ())]
            result.notes = [note for note in notes if note]
            shown.note = "; ".join(result.notes) or ("" if step.commands else "nothing that an emulator could show")
        result.seconds, result.passed = time.monotonic() - started, True
