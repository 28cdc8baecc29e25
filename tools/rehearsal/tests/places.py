"""Where a test rehearses a part of a delivery: a directory of its own, nobody who answers, and the real tools."""

from pathlib import Path

from cdk_rehearsal.console import Console
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.workplace import Workplace


def workplace_in(directory: Path, *, emulator: Emulator, checkout: Path) -> Workplace:
    """A workplace whose logs stand beside its temporary files."""
    return Workplace.prepare(directory, emulator=emulator, checkout=checkout, logs=directory, console=Console())
