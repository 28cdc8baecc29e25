"""What every part of a rehearsal uses and none of it changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cdk_rehearsal import processes
from cdk_rehearsal.console import Approver, Console, nobody
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.processes import Processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """The same for every action."""

    emulator: Emulator
    processes: Processes
    checkout: Path
    directory: Path  # temporary
    tools: Path
    logs: Path
    approver: Approver
    console: Console

    @classmethod
    def prepare(
        cls,
        directory: Path,
        *,
        emulator: Emulator,
        checkout: Path,
        logs: Path,
        console: Console,
        approver: Approver = nobody,
    ) -> Self:
        """One in an empty directory, with the tools that a machine of its own would have, and nothing running yet."""
        return cls(
            emulator=emulator,
            processes=Processes(),
            checkout=checkout,
            directory=directory,
            tools=processes.install(directory),
            logs=logs,
            approver=approver,
            console=console,
        )
