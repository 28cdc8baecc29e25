"""`python -m tools.bench [PART ...]`: times synthesis, tests and rehearsal in turns, and prints medians of ratios."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

WHOLE, FLOOR = ([sys.executable, "-m", "tools.bench.apps", app, "{}"] for app in ("whole", "floor"))
TESTS = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/unit", "tests/policy"]
MINUTES = {"Source": 0.2, "Synth": 4, "SelfMutate": 1.5, "Invoke": 0.1, "Deploy": 1, "CodeBuild": 1.5, "Approval": 0}
"""Estimated minutes of an action, 2026-11, never measured on AWS; rollouts and bake times are left out."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: Node outlives the Python process that started it, and its time counts


class Run(NamedTuple):
    """Seconds that a command and its child processes took."""

    wall: float
    cpu: float


def measure(command: Sequence[str]) -> Run:
    """Runs a command, with an output directory for ``{}``; exits with the end of its output if it fails."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started, wall, cpu = time.monotonic(), 0.0, 0.0
    with tempfile.TemporaryDirectory() as directory, Path(directory, "log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - the commands of this file
            [part.replace("{}", f"{directory}/out") for part in command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, process_group=0,
        )  # fmt: skip
        try:
            while True:
                pid, status, used = os.wait4(-child.pid, 0)
                cpu += used.ru_utime + used.ru_stime
                if pid == child.pid:
                    wall, child.returncode = time.monotonic() - started, os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            pass  # all processes of the group have ended
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGTERM)
            raise
        if child.returncode:
            end = Path(log.name).read_text(encoding="utf-8", errors="replace")[-2000:]
            sys.exit(f"bench: `{' '.join(command)}` exited with {child.returncode}:\n{end}")
    return Run(wall, cpu)


def in_turns(*commands: Sequence[str], times: int) -> list[list[Run]]:
    """Runs the commands in turns, so that other load affects all alike."""
    return [[measure(command) for command in commands] for _ in range(times)]


def synth() -> str:
    """CPU of the synthesis against the floor: an app that includes the same finished templates."""
    turns = in_turns(WHOLE, FLOOR, times=5)
    whole, floor = (median(run.cpu for run in runs) for runs in zip(*turns, strict=True))
    ratio = median(ours.cpu / theirs.cpu for ours, theirs in turns)
    return f"CPU of the synthesis {ratio:.2f} times the floor ({whole:.1f} s, {floor:.1f} s)"


def growth() -> str:
    """CPU of one more environment against a third of three."""
    ratio = median((nine.cpu / three.cpu - 1) / 2 for three, nine in in_turns(WHOLE, [*WHOLE, "9"], times=2))
    return f"CPU of one more environment {ratio:.2f} times a third of three"


def suite() -> str:
    """Wall time of the unit and policy tests against one synthesis."""
    ((tests, whole),) = in_turns(TESTS, WHOLE, times=1)
    return f"unit and policy tests {tests.wall / whole.wall:.1f} times one synthesis ({tests.wall:.0f} s)"


def rehearsal() -> str:
    """Wall time of a rehearsal with everything installed."""
    ((run,),) = in_turns(["make", "rehearse", "APPROVE=yes"], times=1)
    return f"rehearsal {run.wall / 60:.1f} minutes"


def sequential(stages: Sequence[Mapping[str, Any]]) -> list[float]:
    """Estimated minutes of each group of parallel actions, up to the last deployment."""
    groups: dict[tuple[int, int], list[set[str]]] = defaultdict(list)
    for position, stage in enumerate(stages):
        for each in stage["Actions"]:
            groups[position, each["RunOrder"]].append({each["Name"], *each["ActionTypeId"].values()})
    last = max(group for group, actions in groups.items() if any("Deploy" in own for own in actions))
    until = (actions for group, actions in sorted(groups.items()) if group <= last)
    return [max(next(MINUTES[kind] for kind in MINUTES if kind in own) for own in actions) for actions in until]


def delivery() -> str:
    """Actions that run one after the other between a push and the last deployment."""
    resources = json.loads(Path("cdk.out/PipelineStack.template.json").read_text())["Resources"].values()
    (pipeline,) = (each["Properties"] for each in resources if each["Type"] == "AWS::CodePipeline::Pipeline")
    minutes = sequential(pipeline["Stages"])
    return f"{len(minutes)} sequential actions, about {sum(minutes):.0f} minutes without rollouts and bake times"


PARTS = {part.__name__: part for part in (delivery, synth, growth, suite, rehearsal)}


def main() -> None:
    """Prints each part as soon as it is measured."""
    parts = sys.argv[1:] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"bench: {', '.join(unknown)} is no part: give some of {', '.join(PARTS)}.")
    if not Path("cdk.out/manifest.json").is_file():
        sys.exit("bench: cdk.out is missing: run `make synth` first.")
    for part in parts:
        print(PARTS[part](), flush=True)


if __name__ == "__main__":
    main()
