"""Times of commands: run in turns, so that whatever else the machine does falls on both alike."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: Node outlives the Python that started it, and its time counts


class MeasureError(Exception):
    """A command that cannot be timed, because it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a command took, its children included.

    Args:
        wall: Seconds.
        cpu: Seconds of all processors together.
        megabytes: Of its largest process, at the peak.
    """

    wall: float
    cpu: float
    megabytes: float


def measure(command: Sequence[str], *, log: Path) -> Run:
    """Carries a command out.

    Raises:
        MeasureError: When it fails.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - commands of the bench
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    cpu, kilobytes, wall = 0.0, 0, 0.0
    try:
        while True:
            pid, status, used = os.wait4(-child.pid, 0)  # whoever is of its group, orphans included
            cpu += used.ru_utime + used.ru_stime
            kilobytes = max(kilobytes, used.ru_maxrss)
            if pid == child.pid:
                wall = time.monotonic() - started
                child.returncode = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        pass  # nobody is left
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGTERM)
        raise
    if child.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise MeasureError(f"`{' '.join(command)}` exited with {child.returncode}:\n{end}")
    return Run(wall=wall, cpu=cpu, megabytes=kilobytes / 1024)


def in_turns(*commands: Sequence[str], times: int) -> list[list[Run]]:
    """Carries commands out in turns; the runs of each, in the order in which they were.

    An argument ``{}`` becomes a directory of its own for each run.

    Raises:
        MeasureError: When one fails.
    """
    runs: list[list[Run]] = [[] for _ in commands]
    for turn in range(times):
        for of_one, command in zip(runs, commands, strict=True):
            print(f"  {turn + 1} of {times}: {' '.join(command)}", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as directory:
                own = [f"{directory}/out" if part == "{}" else part for part in command]
                of_one.append(measure(own, log=Path(directory) / "log"))
    return runs


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of runs that were made one after the other."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
