"""What every part of a rehearsal uses and none of it changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cdk_rehearsal.console import Approver, Console, answered_through_the_api
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.processes import Processes
from cdk_rehearsal.settings import Settings
from cdk_rehearsal.toolchain import Toolchain


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """The same for every action."""

    emulator: Emulator
    settings: Settings
    processes: Processes
    checkout: Path
    directory: Path  # temporary
    tools: Toolchain
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
        approver: Approver = answered_through_the_api,
    ) -> Self:
        """One in an empty directory, with the tools of a new machine and the configuration of the checkout."""
        processes = Processes()
        return cls(
            emulator=emulator,
            settings=Settings.load(checkout),
            processes=processes,
            checkout=checkout,
            directory=directory,
            tools=Toolchain(directory, processes=processes),
            logs=logs,
            approver=approver,
            console=console,
        )
