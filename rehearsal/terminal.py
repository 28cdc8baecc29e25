"""A terminal of whoever follows a page of docs/: its blocks, each where the one before it left off."""

import json
import tempfile
from pathlib import Path

from rehearsal import buildspec, toolbox
from rehearsal.errors import DeliveryError
from rehearsal.processes import Watcher, quoted
from rehearsal.shell import Shell
from rehearsal.workplace import Workplace

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
        own = toolbox.environment(environment, tools=workplace.tools, scratch=scratch) | {"AWS_MAX_ATTEMPTS": "1"}
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
