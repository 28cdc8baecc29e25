"""No process of a rehearsal outlives it."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cdk_rehearsal.errors import RehearsalError
from cdk_rehearsal.processes import Processes
from cdk_rehearsal.toolchain import Toolchain

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


def test_stop_ends_the_creation_of_a_virtual_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, processes = tmp_path / "python", Processes()
    python.write_text(f'#!/bin/sh\necho "$TMPDIR" > temporary; {SPAWN}wait\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    toolchain = Toolchain(tmp_path, processes=processes)
    failures: list[str] = []

    def create() -> None:
        try:
            toolchain.create_venv(tmp_path / "venv")
        except RehearsalError as error:
            failures.append(str(error))

    thread = threading.Thread(target=create)
    thread.start()
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        time.sleep(0.02)
    processes.stop()
    thread.join(timeout=10)
    assert len(failures) == 1
    assert ended(tmp_path)
    assert (tmp_path / "temporary").read_text().strip() == str(tmp_path)


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
