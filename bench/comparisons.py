"""What is compared with what, and what is aimed at."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.measure import MeasureError, in_turns, ratio

PYTHON = sys.executable
WHOLE = (PYTHON, "-m", "bench.apps.whole", "{}")
TYPESCRIPT = Path("bench", "typescript", "app.ts")
TIMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A line of the report.

    Args:
        what: What was compared.
        found: The figure.
        aim: What it should be at most; None where nothing is aimed at.
        detail: The figures behind it.
    """

    what: str
    found: float
    aim: float | None
    detail: str

    @property
    def verdict(self) -> str:
        """Whether the aim is met."""
        if self.aim is None:
            return ""
        return "met" if self.found <= self.aim else "missed"


def synth() -> Iterator[Finding]:
    """The synthesis of everything against that of nothing, under the same packs."""
    whole, empty = in_turns(WHOLE, (PYTHON, "-m", "bench.apps.empty", "{}"), times=TIMES)
    walls = [run.wall for run in whole], [run.wall for run in empty]
    yield Finding(
        what="synth, wall against an empty app",
        found=ratio(*walls),
        aim=2.0,
        detail=f"{median(walls[0]):.1f} s against {median(walls[1]):.1f} s, "
        f"{median(run.cpu for run in whole):.1f} s of CPU, {max(run.megabytes for run in whole):.0f} MB",
    )


def typescript() -> Iterator[Finding]:
    """A stage's DR stack and network in both languages, once, and as often as the delivery has resources.

    What they declare is the same, or nothing is compared.
    """
    if not (TYPESCRIPT.parent / "node_modules").is_dir():
        raise MeasureError(f"{TYPESCRIPT.parent} has no node_modules: run `make bench`, which installs them.")
    node = shutil.which("node") or "node"
    ours, theirs = (PYTHON, "-m", "bench.apps.stage", "{}"), (node, str(TYPESCRIPT), "{}")
    declared = types_of(ours)
    refuse_differences(declared, types_of(theirs))
    delivery = types_of(WHOLE).total()
    copies = round(delivery / declared.total())
    for number, aim in ((1, None), (copies, 1.1)):
        python, port = in_turns((*ours, str(number)), (*theirs, str(number)), times=TIMES)
        cpus = [run.cpu for run in python], [run.cpu for run in port]
        yield Finding(
            what=f"CPU against TypeScript, {number * declared.total()} resources",
            found=ratio(*cpus),
            aim=aim,
            detail=f"{median(cpus[0]):.1f} s against {median(cpus[1]):.1f} s; {number} times a DR stack and a network "
            f"under three packs; the delivery has {delivery}",
        )


def growth() -> Iterator[Finding]:
    """What one more environment costs, against an equal share of three."""
    numbers = (3, 6, 12)
    runs = in_turns(*((*WHOLE, str(number)) for number in numbers), times=2)
    seconds = [median(run.cpu for run in of_one) for of_one in runs]
    memory = [max(run.megabytes for run in of_one) for of_one in runs]
    for before, after in ((0, 1), (1, 2)):
        each = (seconds[after] - seconds[before]) / (numbers[after] - numbers[before])
        yield Finding(
            what=f"one more environment, {numbers[before]} to {numbers[after]}, CPU against a third of three",
            found=each / (seconds[0] / numbers[0]),
            aim=1.05,
            detail=f"{each:.1f} s each; {seconds[before]:.1f} to {seconds[after]:.1f} s, "
            f"{memory[before]:.0f} to {memory[after]:.0f} MB",
        )


def suite() -> Iterator[Finding]:
    """The unit and policy tests against one synthesis."""
    tests = (PYTHON, "-m", "pytest", "-q", "--numprocesses", "2", "--dist", "loadfile", "tests/unit", "tests/policy")
    suites, syntheses = in_turns(tests, WHOLE, times=1)
    yield Finding(
        what="unit and policy tests, wall against one synth",
        found=ratio([suites[0].wall], [syntheses[0].wall]),
        aim=2.0,
        detail=f"{suites[0].wall:.0f} s against {syntheses[0].wall:.1f} s",
    )


def rehearsal() -> Iterator[Finding]:
    """The whole delivery on the emulator, with everything installed."""
    ((run,),) = in_turns(("make", "rehearse", "APPROVE=yes"), times=1)
    yield Finding(
        what="rehearsal, minutes",
        found=run.wall / 60,
        aim=3.0,
        detail=f"{run.wall:.0f} s, {run.megabytes:.0f} MB of its largest process",
    )


def types_of(command: Sequence[str]) -> Counter[str]:
    """How many resources of each type an app declares."""
    directory = Path("build", "bench")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    in_turns([str(directory / "out") if part == "{}" else part for part in command], times=1)
    templates = [json.loads(file.read_text(encoding="utf-8")) for file in (directory / "out").rglob("*.template.json")]
    return Counter(resource["Type"] for template in templates for resource in template["Resources"].values())


def refuse_differences(ours: Mapping[str, int], theirs: Mapping[str, int]) -> None:
    """Makes sure that two apps declare the same.

    Raises:
        MeasureError: When they do not.
    """
    differing = sorted(kind for kind in {*ours, *theirs} if ours.get(kind, 0) != theirs.get(kind, 0))
    if differing:
        told = ", ".join(f"{kind} {ours.get(kind, 0)} and {theirs.get(kind, 0)}" for kind in differing)
        raise MeasureError(f"bench/apps/stage.py and {TYPESCRIPT} declare different things: {told}. Port the change.")


PARTS = {"synth": synth, "typescript": typescript, "growth": growth, "suite": suite, "rehearsal": rehearsal}
