"""Workplaces for tests of parts of a delivery."""

from pathlib import Path

from cdk_rehearsal.console import Console
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.workplace import Workplace


def workplace_in(directory: Path, *, emulator: Emulator, checkout: Path) -> Workplace:
    """A workplace with its logs beside its temporary files, and approvals that are answered through the API."""
    return Workplace.prepare(directory, emulator=emulator, checkout=checkout, logs=directory, console=Console())
