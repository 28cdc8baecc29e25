"""Child processes: each has a group of its own and ends with the rehearsal."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_TAIL_BYTES = 8192
_QUOTED_LINES = 30

Watcher = Callable[[str], None]


class Processes:
    """All running children, so that one call ends them, whichever thread started them."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path,
        timeout: float | None = None,
        watch: Watcher | None = None,
    ) -> int:
        """Run to the end and return the exit status; `watch` is shown the newest line of output."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = self._start(command, cwd=cwd, environment=environment, output=output.fileno())
        try:
            return _wait(child, log=log, timeout=timeout, watch=watch)
        finally:
            _end(child)
            with self._lock:
                self._running.discard(child)

    def stop(self) -> None:
        """End every child, and let no thread start another."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for child in running:
            _end(child)

    def _start(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise InterruptedError("The rehearsal is ending.")
            child = subprocess.Popen(  # noqa: S603 - the pipeline's own commands are what is rehearsed
                list(command),
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(child)
            return child


def tail(log: Path, *, lines: int) -> list[str]:
    """The last lines of a log that say something."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = file.read().decode(errors="replace").replace("\r", "\n")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return []


def quoted(log: Path) -> str:
    """The end of a log, as an error message shows it."""
    return "\n".join(f"    | {line}" for line in tail(log, lines=_QUOTED_LINES))


def _wait(child: subprocess.Popen[bytes], *, log: Path, timeout: float | None, watch: Watcher | None) -> int:
    started = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=_POLL_SECONDS)
        if timeout is not None and time.monotonic() - started > timeout:
            raise TimeoutError
        if watch is not None:
            watch(next(iter(tail(log, lines=1)), ""))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the whole group; the leader may be gone and its descendants still there."""
    _signal(child, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_GRACE_SECONDS)
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
