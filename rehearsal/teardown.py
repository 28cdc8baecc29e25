"""Everything taken down again by the commands of docs/operations.md, which is the only place where they stand."""

from collections.abc import Sequence
from pathlib import Path

from rehearsal import standing
from rehearsal.assembly import Stack
from rehearsal.blocks import DRILL, blocks
from rehearsal.console import Step
from rehearsal.errors import DeliveryError
from rehearsal.remains import remains
from rehearsal.terminal import CommandError, Terminal
from rehearsal.workplace import Workplace

PAGE = Path("docs", "operations.md")
_RETAINED = "retains its data and is not destroyed by a command"


class Teardown:
    """The two last sections of the page, from the last environment to the pipeline.

    Args:
        workplace: Where the rehearsal works.
        tree: The commit that stands, with its assembly in ``cdk.out``.
        stacks: The stacks of that assembly.
    """

    def __init__(self, workplace: Workplace, *, tree: Path, stacks: Sequence[Stack]) -> None:
        self._workplace, self._tree, self._stacks = workplace, tree, stacks
        self._page = (tree / PAGE).read_text(encoding="utf-8")

    def carry_out(self) -> None:
        """Take everything down, and say what stays.

        Raises:
            DeliveryError: When a command fails, or a stack still stands in the end.
        """
        self._workplace.console.heading(f"Taking everything down, as {PAGE} says")
        accounts = {stack.id.split("/")[1]: stack.environment.account for stack in self._stacks if "/" in stack.id}
        for name, account in reversed(accounts.items()):
            if self._destroy(name, account=account):
                continue
            with self._workplace.console.step(f"{name} by hand") as step:
                found = self.blocks("Take an environment down")
                self._run(found, account=account, step=step)
                step.note = f"{len(found)} blocks of commands"
        (home,) = (stack.environment.account for stack in self._stacks if stack.id == "PipelineStack")
        with self._workplace.console.step("the pipeline") as step:
            self._run(self.blocks("Take everything down"), account=home, step=step)
        self._look()

    def blocks(self, section: str) -> list[str]:
        """The commands of a section that can be rehearsed."""
        text = self._page.split(f"\n## {section}\n")[1].split("\n## ")[0]
        return [block.code for block in blocks(text) if block.marks == DRILL]

    def _destroy(self, name: str, *, account: str) -> bool:
        """The command of the page, without a synthesis of what is synthesized; False where it refuses."""
        with self._workplace.console.step(f"make destroy ENV={name}") as step:
            try:
                self._run([f"make --old-file=synth destroy ENV={name} CONFIRM={name}"], account=account, step=step)
            except CommandError as error:
                if f"{name} {_RETAINED}" not in str(error):
                    raise
                step.note = "refused, and nothing was touched: its data is retained"
                return False
        return True

    def _run(self, commands: Sequence[str], *, account: str, step: Step) -> None:
        terminal = Terminal(
            self._workplace,
            account=account,
            region=self._stacks[0].environment.region,
            directory=self._tree,
            log=self._workplace.logs / "teardown.log",
            watch=step.watch,
        )
        for block in commands:
            terminal.run(block, title=step.name)

    def _look(self) -> None:
        """What still stands is a failure; what stays without a stack is what the page says of it."""
        places = {stack.environment for stack in self._stacks}
        found = standing.look(self._workplace.emulator, stacks=self._stacks, environments=places, before={})
        if left := [each.stack for each in found if each.status != standing.ABSENT]:
            raise DeliveryError(f"Taken down, and still there: {', '.join(left)}.")
        self._workplace.console.say("What stays, beside the bootstrap:")
        for account in sorted({place.account for place in places}):
            regions = sorted({place.region for place in places if place.account == account})
            kinds = remains(self._workplace.emulator, account=account, regions=regions)
            told = ", ".join(f"{kind} {len(names)}" for kind, names in kinds.items())
            self._workplace.console.say(f"  - {account}: {told or 'nothing'}")
