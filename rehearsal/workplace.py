"""Where a rehearsal works: what every part of it uses and none of it changes."""

from dataclasses import dataclass
from pathlib import Path

from rehearsal.approver import Approver
from rehearsal.console import Console
from rehearsal.emulator import Emulator
from rehearsal.processes import Processes


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
