"""A terminal of whoever follows a page of docs/: its blocks, each where the one before it left off."""

import json
from pathlib import Path

from rehearsal import buildspec, toolbox
from rehearsal.emulator import Emulator
from rehearsal.errors import DeliveryError
from rehearsal.processes import Processes, Watcher, quoted
from rehearsal.shell import Shell

_MINUTES = 10


class CommandError(DeliveryError):
    """A command of a page that fails."""


class Terminal:
    """One shell for a whole page.

    Args:
        emulator: The AWS that its commands reach; none can reach another.
        account: Whose credentials the terminal has.
        region: Where it works.
        checkout: The clone that it is opened in.
        tools: Node and npm.
        scratch: Where its temporary files go.
        log: What the commands print.
        processes: Ends them when the rehearsal ends.
        watch: Is shown the newest line.
    """

    def __init__(
        self,
        *,
        emulator: Emulator,
        account: str,
        region: str,
        checkout: Path,
        tools: Path,
        scratch: Path,
        log: Path,
        processes: Processes,
        watch: Watcher,
    ) -> None:
        environment = emulator.environment(account=account, region=region)
        # A region that is gone is not asked again and again.
        environment = toolbox.environment(environment, tools=tools, scratch=scratch) | {"AWS_MAX_ATTEMPTS": "1"}
        self._log = log
        self._shell = Shell(
            interpreter="sh",
            directory=checkout,
            state=scratch / "terminal",
            environment=environment,
            processes=processes,
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
