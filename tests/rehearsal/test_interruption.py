"""A rehearsal as a user starts it: it ends where it is interrupted or nobody answers, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cdk_rehearsal.emulator import Emulator
from tests.rehearsal.project import Project


class Run:
    """`python -m rehearsal`, as a user starts it."""

    def __init__(self, project: Project, directory: Path, **variables: str) -> None:
        self.scratch = directory / "tmp"
        self.scratch.mkdir()
        self.output = directory / "output"
        known = {name: value for name, value in os.environ.items() if name not in {"APPROVE", "EMULATOR", "TEARDOWN"}}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cdk_rehearsal"],
                cwd=project.directory,
                env=known | {"TMPDIR": str(self.scratch)} | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 180
        while words not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            pytest.fail(f"It goes on a minute after the interruption:\n{self.text()}")

    def text(self) -> str:
        return self.output.read_text()

    def left(self) -> list[str]:
        """Files and processes that should be gone."""
        files = [str(path) for path in self.scratch.iterdir()]
        return files + [command for command in _commands() if str(self.scratch) in command]


def _commands() -> Iterator[str]:
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
        except OSError:
            continue
        yield command.replace(b"\0", b" ").decode(errors="replace")


def test_an_interrupted_rehearsal_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    run = Run(project, tmp_path, APPROVE="yes")
    run.wait_for("Preparing")
    endpoint = urlsplit(run.text().partition("Emulated AWS at ")[2].split()[0])
    time.sleep(1)  # into the synthesis
    assert run.interrupt() == 130
    assert "Interrupted" in run.text()
    assert run.left() == []
    with socket.socket() as probe:
        assert probe.connect_ex((str(endpoint.hostname), int(endpoint.port or 0))) != 0


def test_after_an_interruption_in_the_middle_the_next_run_works(
    project: Project, world: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = Run(project, tmp_path / "first", EMULATOR=world.endpoint, APPROVE="yes")
    first.wait_for("Source / ")
    assert first.interrupt() == 130
    assert first.left() == []
    second = Run(project, tmp_path / "second", EMULATOR=world.endpoint, APPROVE="no")
    assert second.process.wait(timeout=180) == 1
    assert "was refused: APPROVE=no" in second.text()


@pytest.mark.parametrize(
    ("variable", "value", "remedy"), [("APPROVE", "perhaps", "yes or no"), ("TEARDOWN", "Dev", "leave it unset")]
)
def test_an_answer_that_is_none_is_refused_at_once(
    project: Project, tmp_path: Path, variable: str, value: str, remedy: str
) -> None:
    run = Run(project, tmp_path, **{variable: value})
    assert run.process.wait(timeout=20) == 2
    assert f"{variable} is '{value}'" in run.text()
    assert remedy in run.text()


def test_without_a_terminal_or_an_answer_nothing_is_deployed(project: Project, world: Emulator, tmp_path: Path) -> None:
    run = Run(project, tmp_path, EMULATOR=world.endpoint)
    assert run.process.wait(timeout=60) == 2
    assert "set APPROVE=yes or APPROVE=no" in run.text()
    assert "cdk deploy" not in run.text()
