"""Shell commands in pages of the rehearsed repository, and the teardown that runs them."""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal import buildspec, report
from cdk_rehearsal.assembly import Environment, Stack, pipeline_stack
from cdk_rehearsal.buildspec import Shell
from cdk_rehearsal.console import Step
from cdk_rehearsal.errors import DeliveryError, RehearsalError
from cdk_rehearsal.processes import Watcher, quoted
from cdk_rehearsal.report import remains
from cdk_rehearsal.settings import Bootstrap
from cdk_rehearsal.workplace import Workplace

_FENCE = re.compile(r"^(?P<margin> *)```(?P<marks>\S[^\n]*)\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced code block, without the indentation of a list."""

    marks: str  # its info string
    code: str


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a Markdown text that have an info string."""
    for found in _FENCE.finditer(text):
        code = re.sub(f"^{found['margin']}", "", found["code"], flags=re.MULTILINE)
        yield Block(marks=found["marks"], code=code)


def bootstrap_commands(checkout: Path, *, settings: Bootstrap, home: Environment, targets: list[Environment]) -> str:
    """The block of the configured page that bootstraps regions of one account, with accounts and regions put in."""
    page = checkout / settings.page
    variables = re.compile(rf"{settings.tooling}=\d{{12}}; {settings.account}=\d{{12}}")
    codes = [block.code for block in blocks(page.read_text(encoding="utf-8"))]
    found = [code for code in codes if "cdk bootstrap" in code and variables.search(code)]
    if len(found) != 1:
        raise DeliveryError(
            f"{page.name} has {len(found)} blocks that bootstrap an account ({settings.tooling}=...; "
            f"{settings.account}=...): it needs one."
        )
    code = variables.sub(f"{settings.tooling}={home.account}; {settings.account}={targets[0].account}", found[0])
    regions = list(dict.fromkeys([home.region, *(each.region for each in targets)]))
    for name, region in zip(settings.regions, regions, strict=False):
        code = re.sub(rf"\b{name}=[\w-]+", f"{name}={region}", code)
    if forgotten := [region for region in regions if region not in code]:
        raise DeliveryError(f"{page.name} does not bootstrap {', '.join(forgotten)}: add it there.")
    return code


_MINUTES = 60  # for all blocks of a page


class CommandError(DeliveryError):
    """A command of a page that failed."""


class Terminal:
    """One shell for the blocks of a page, with the credentials of an emulated account; `watch` gets the newest line."""

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
        own = workplace.tools.workstation(environment, scratch=scratch) | {"AWS_MAX_ATTEMPTS": "1"}
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
        """Run a block; the first command that fails raises CommandError with the end of the output."""
        spec = buildspec.parse(json.dumps({"version": "0.2", "phases": {"build": {"commands": [f"set -eu\n{block}"]}}}))
        if self._shell.build(spec):
            raise CommandError(f"{title}: a command failed:\n{block.rstrip()}\n{quoted(self._log)}")

    def variable(self, name: str) -> str:
        """A variable as the blocks so far left it."""
        return self._shell.variables().get(name, "")


class Teardown:
    """Removes what a commit delivered, from the last stage to the pipeline, as the configured page says.

    The commit is in `tree`, with its cloud assembly.
    """

    def __init__(self, workplace: Workplace, *, tree: Path, stacks: Sequence[Stack]) -> None:
        if workplace.settings.teardown is None:
            raise RehearsalError("TEARDOWN=yes needs the table `teardown` in the configuration of the repository.")
        self._settings = workplace.settings.teardown
        self._workplace, self._tree, self._stacks = workplace, tree, stacks
        self._page = (tree / self._settings.page).read_text(encoding="utf-8")

    def carry_out(self) -> None:
        """Remove everything, and report what is left; a stack that still exists is a DeliveryError."""
        self._workplace.console.heading(f"Teardown, as {self._settings.page} says")
        accounts = {stack.id.split("/")[1]: stack.environment.account for stack in self._stacks if "/" in stack.id}
        for name, account in reversed(accounts.items()):
            if self._destroy(name, account=account):
                continue
            with self._workplace.console.step(f"{name} manually") as step:
                found = self.blocks(self._settings.stage)
                self._run(found, account=account, step=step)
                step.note = f"{len(found)} blocks of commands"
        wanted = self._workplace.settings.pipeline_stack
        home = pipeline_stack(list(self._stacks), construct_id=wanted).environment.account
        with self._workplace.console.step("the pipeline") as step:
            self._run(self.blocks(self._settings.pipeline), account=home, step=step)
        self._look()

    def blocks(self, section: str) -> list[str]:
        """The commands of a section that can be rehearsed."""
        text = self._page.split(f"\n## {section}\n")[1].split("\n## ")[0]
        return [block.code for block in blocks(text) if block.marks == self._settings.mark]

    def _destroy(self, name: str, *, account: str) -> bool:
        """Run the command for one stage; False where it refuses."""
        command = self._settings.command.replace("{stage}", name)
        with self._workplace.console.step(command) as step:
            try:
                self._run([command], account=account, step=step)
            except CommandError as error:
                if self._settings.refusal.replace("{stage}", name) not in str(error):
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
        """A stack that still exists is a failure; resources without a stack are listed."""
        targets = {stack.environment for stack in self._stacks}
        workplace, beside = self._workplace, self._workplace.settings.bootstrap
        found = report.look(
            workplace.emulator, stacks=self._stacks, environments=targets, before={}, without=beside.stacks
        )
        if left := [each.stack for each in found if each.status != report.ABSENT]:
            raise DeliveryError(f"Still deployed after the teardown: {', '.join(left)}.")
        workplace.console.say("What is left, beside the bootstrap:")
        for account in sorted({target.account for target in targets}):
            regions = sorted({target.region for target in targets if target.account == account})
            kinds = remains(workplace.emulator, account=account, regions=regions, without=beside.names)
            counts = ", ".join(f"{kind} {len(names)}" for kind, names in kinds.items())
            workplace.console.say(f"  - {account}: {counts or 'nothing'}")
