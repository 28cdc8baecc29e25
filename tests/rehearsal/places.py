"""Where a test rehearses a part of a delivery: a directory of its own, nobody who answers, and the real tools."""

from pathlib import Path

from rehearsal import toolbox
from rehearsal.approver import nobody
from rehearsal.console import Console
from rehearsal.emulator import Emulator
from rehearsal.processes import Processes
from rehearsal.workplace import Workplace


def workplace_in(directory: Path, *, emulator: Emulator, checkout: Path) -> Workplace:
    """A workplace whose logs stand beside its temporary files."""
    return Workplace(
        emulator=emulator,
        processes=Processes(),
        checkout=checkout,
        directory=directory,
        tools=toolbox.install(directory),
        logs=directory,
        approver=nobody,
        console=Console(),
    )
