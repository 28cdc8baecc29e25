"""The command line as a user starts it: how it ends, and that it leaves no process and no file behind."""

import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cdk_rehearsal import Emulator
from repositories import COMMAND, clone, git, terminal


class Run:
    """One run of the command, with its output in a file or in a terminal."""

    def __init__(
        self, repository: Path, directory: Path, variables: Mapping[str, str], *, at_a_terminal: bool = False
    ) -> None:
        self.scratch = directory / "tmp"
        self.scratch.mkdir(parents=True)
        self._output = directory / "output"
        self._keyboard, stdin = pty.openpty() if at_a_terminal else (-1, subprocess.DEVNULL)
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603
                [COMMAND],
                cwd=repository,
                env=terminal(**variables) | {"TMPDIR": str(self.scratch)},
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, words: str) -> None:
        deadline = time.monotonic() + 180
        while words not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def type(self, line: str) -> None:
        os.write(self._keyboard, f"{line}\n".encode())

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.status(within=60)

    def status(self, *, within: float = 180) -> int:
        try:
            return self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            pytest.fail(f"It has not ended after {within:.0f} s:\n{self.text()}")

    def text(self) -> str:
        return self._output.read_text()

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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose assembly is in it, and whose pipeline waits at an approval."""
    return clone("approval", tmp_path_factory.mktemp("repository") / "approval")


def test_an_interrupted_rehearsal_leaves_nothing_behind(repository: Path, tmp_path: Path) -> None:
    run = Run(repository, tmp_path, {"APPROVE": "yes"})
    run.wait_for("Preparing")
    endpoint = urlsplit(run.text().partition("Emulated AWS at ")[2].split()[0])
    assert run.interrupt() == 130
    assert "Interrupted" in run.text()
    assert run.left() == []
    with socket.socket() as probe:
        assert probe.connect_ex((str(endpoint.hostname), int(endpoint.port or 0))) != 0


def test_after_an_interruption_in_a_build_the_next_run_delivers(
    repository: Path, emulator: Emulator, tmp_path: Path
) -> None:
    first = Run(repository, tmp_path / "first", {"EMULATOR": emulator.endpoint, "APPROVE": "yes"})
    first.wait_for("Source / ")
    assert first.interrupt() == 130
    assert first.left() == []
    second = Run(repository, tmp_path / "second", {"EMULATOR": emulator.endpoint, "APPROVE": "yes"})
    assert second.status() == 0, second.text()


def test_without_a_terminal_the_delivery_ends_at_the_approval_with_status_3(
    repository: Path, emulator: Emulator, tmp_path: Path
) -> None:
    run = Run(repository, tmp_path, {"EMULATOR": emulator.endpoint})
    assert run.status() == 3
    assert "delivered up to an approval" in run.text()
    assert "Release / Approve waits for an approval" in run.text()
    assert "Run `APPROVE=yes cdk-rehearsal`" in run.text()
    assert run.left() == []


def test_a_refusal_at_the_terminal_ends_with_its_reason(repository: Path, emulator: Emulator, tmp_path: Path) -> None:
    run = Run(repository, tmp_path, {"EMULATOR": emulator.endpoint}, at_a_terminal=True)
    run.wait_for("Approve? yes or no")
    run.type("no, not on a Friday")
    assert run.status() == 1
    assert "not delivered" in run.text()
    assert "Release / Approve was refused: not on a Friday" in run.text()
    *_, refusal, files = run.text().splitlines()
    assert refusal == "Release / Approve was refused: not on a Friday"
    limits = repository / "build" / "rehearsal" / "limits.txt"
    assert files.endswith(str(limits.parent))
    assert "What a rehearsal does not prove:" in limits.read_text()
    assert "recorded only: " not in run.text()


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [("APPROVE", "perhaps", "yes or no"), ("TEARDOWN", "Dev", "leave it unset"), ("TEARDOWN", "yes", "`teardown`")],
)
def test_a_wrong_value_is_refused_at_once(
    repository: Path, tmp_path: Path, variable: str, value: str, remedy: str
) -> None:
    run = Run(repository, tmp_path, {variable: value})
    assert run.status(within=30) == 2
    assert remedy in run.text()


def test_a_directory_that_is_no_checkout_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = Run(tmp_path / "empty", tmp_path / "run", {})
    assert run.status(within=30) == 2
    assert "is no git checkout: clone the repository" in run.text()
    assert "Traceback" not in run.text()


def test_an_app_without_a_pipeline_is_refused_in_a_sentence(
    repository: Path, emulator: Emulator, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(repository), str(copy))
    (copy / "assembly" / "Gate.template.json").write_text('{"Resources": {}}')
    git(copy, "commit", "--quiet", "--all", "--message", "Without")
    run = Run(copy, tmp_path / "run", {"EMULATOR": emulator.endpoint})
    assert run.status(within=60) == 1
    assert "No stack of the commit declares an AWS::CodePipeline::Pipeline" in run.text()
