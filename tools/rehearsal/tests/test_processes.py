"""No process of a rehearsal outlives it."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cdk_rehearsal.processes import Processes

SPAWN = "sleep 300 & echo $! > child; "


def run(processes: Processes, script: str, directory: Path) -> int:
    return processes.run(
        ["sh", "-c", script], cwd=directory, environment={"PATH": "/usr/bin:/bin"}, log=directory / "log"
    )


def ended(directory: Path) -> bool:
    """Whether the child's child is gone, or at most waits to be reaped by whoever adopted it."""
    status = Path(f"/proc/{(directory / 'child').read_text().strip()}/stat")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_processes_of_a_command_end_with_it(tmp_path: Path) -> None:
    assert run(Processes(), SPAWN + "exit 3", tmp_path) == 3
    assert ended(tmp_path)


def test_stop_ends_every_command_and_starts_no_other(tmp_path: Path) -> None:
    processes = Processes()
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(run(processes, SPAWN + "wait", tmp_path)))
    thread.start()
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        time.sleep(0.02)
    processes.stop()
    thread.join(timeout=10)
    assert statuses == [-signal.SIGTERM]
    assert ended(tmp_path)
    with pytest.raises(InterruptedError):
        run(processes, "true", tmp_path)


def test_a_command_leads_a_group_of_its_own(tmp_path: Path) -> None:
    run(Processes(), "ps -o pgid= -p $$ > group", tmp_path)
    assert int((tmp_path / "group").read_text()) != os.getpgrp()
