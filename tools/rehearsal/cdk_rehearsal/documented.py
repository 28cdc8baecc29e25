"""Everything taken down again by the commands of docs/operations.md, which is the only place where they stand."""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal import buildspec, processes, report
from cdk_rehearsal.assembly import Environment, Stack
from cdk_rehearsal.buildspec import Shell
from cdk_rehearsal.console import Step
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.processes import Watcher, quoted
from cdk_rehearsal.report import remains
from cdk_rehearsal.workplace import Workplace

_FENCE = re.compile(r"^(?P<margin> *)```(?P<marks>\S[^\n]*)\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)

DRILL, ACCOUNT = "sh drill", "sh account"
"""The marks of what a rehearsal can run, and of what needs an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: what it is marked as, and its lines without the margin of a list."""

    marks: str
    code: str


def blocks(text: str) -> Iterator[Block]:
    """Every block of a text, in its order."""
    for found in _FENCE.finditer(text):
        code = re.sub(f"^{found['margin']}", "", found["code"], flags=re.MULTILINE)
        yield Block(marks=found["marks"], code=code)


_PLACEHOLDERS = re.compile(r"TOOLING=\d{12}; ACCOUNT=\d{12}")


def bootstrap_commands(readme: Path, *, tooling: str, places: list[Environment]) -> str:
    """The block that makes the permissions of an account and bootstraps its regions.

    Args:
        readme: The page.
        tooling: The account to trust.
        places: The regions of one account that have to be bootstrapped.

    Raises:
        DeliveryError: When the page has no such block, or forgets a region.
    """
    codes = (block.code for block in blocks(readme.read_text(encoding="utf-8")))
    found = [code for code in codes if "cdk bootstrap" in code and _PLACEHOLDERS.search(code)]
    if len(found) != 1:
        raise DeliveryError(
            f"{readme.name} has {len(found)} blocks that bootstrap an account (TOOLING=...; ACCOUNT=...)."
        )
    if forgotten := [place.region for place in places if f"aws://$ACCOUNT/{place.region}" not in found[0]]:
        raise DeliveryError(f"{readme.name} does not bootstrap {', '.join(forgotten)}: add it there.")
    return _PLACEHOLDERS.sub(f"TOOLING={tooling}; ACCOUNT={places[0].account}", found[0])


_MINUTES = 10


class CommandError(DeliveryError):
    """A command of a page that fails."""


class Terminal:
    """One shell for a whole page, which can reach no other AWS than the workplace's.

    Args:
        workplace: Where the rehearsal works.
        account: Whose credentials the terminal has.
        region: Where it begins.
        directory: The clone that it is opened in.
        log: What the commands print.
        watch: Is shown the newest line.
    """

    def __init__(
        self,
        workplace: Workplace,
        *,
        account: str,
        region: str,
        directory: Path,
        log: Path,
        watch: Watcher = lambda _: None,
    ) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="terminal-", dir=workplace.directory))
        environment = workplace.emulator.environment(account=account, region=region)
        # A region that is gone is not asked again and again.
        own = processes.environment(environment, tools=workplace.tools, scratch=scratch) | {"AWS_MAX_ATTEMPTS": "1"}
        self._log = log
        self._shell = Shell(
            interpreter="sh",
            directory=directory,
            state=scratch / "terminal",
            environment=own,
            processes=workplace.processes,
            log=log,
            minutes=_MINUTES,
            watch=watch,
        )

    def run(self, block: str, *, title: str) -> None:
        """Run a block to its end; the first command that fails ends it.

        Raises:
            CommandError: With the block and the end of what it printed.
        """
        spec = buildspec.parse(json.dumps({"version": "0.2", "phases": {"build": {"commands": [f"set -eu\n{block}"]}}}))
        if self._shell.build(spec):
            raise CommandError(f"{title}: a command failed:\n{block.rstrip()}\n{quoted(self._log)}")

    def variable(self, name: str) -> str:
        """A variable as the blocks so far left it."""
        return self._shell.variables().get(name, "")


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
        found = report.look(self._workplace.emulator, stacks=self._stacks, environments=places, before={})
        if left := [each.stack for each in found if each.status != report.ABSENT]:
            raise DeliveryError(f"Taken down, and still there: {', '.join(left)}.")
        self._workplace.console.say("What stays, beside the bootstrap:")
        for account in sorted({place.account for place in places}):
            regions = sorted({place.region for place in places if place.account == account})
            kinds = remains(self._workplace.emulator, account=account, regions=regions)
            told = ", ".join(f"{kind} {len(names)}" for kind, names in kinds.items())
            self._workplace.console.say(f"  - {account}: {told or 'nothing'}")
