"""`python -m bench [PART ...]`: prints what the delivery and its synthesis cost in time; nothing fails by it."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.comparisons import PARTS, Finding
from bench.delivery_minutes import steps_to
from bench.measure import MeasureError
from tests.templates import Assembly

_WIDTH = 140


def main() -> int:
    """Models the delivery of the assembly in cdk.out, then times what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parts: list[str] = parser.parse_args().parts
    directory = Path("cdk.out")
    if unknown := [part for part in parts if part not in PARTS]:
        print(f"bench: PARTS is {' '.join(unknown)}: give some of {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    if not (directory / "manifest.json").is_file():
        print("bench: there is no cdk.out: run `make synth` first.", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    _delivery(Assembly(directory), console=console)
    findings: list[Finding] = []
    try:
        for part in parts:
            findings += _timed(part)
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        _report(findings, console=console)
    return 0


def _timed(part: str) -> Iterator[Finding]:
    print(f"{part}:", file=sys.stderr, flush=True)
    yield from PARTS[part]()


def _report(findings: list[Finding], *, console: Console) -> None:
    table = Table(title="Medians of runs in turns", title_justify="left")
    for column in ("Compared", "Found", "Aim", "", "In figures"):
        table.add_column(column, justify="right" if column in ("Found", "Aim") else "left")
    for each in findings:
        aim = "" if each.aim is None else f"{each.aim:.2f}"
        table.add_row(each.what, f"{each.found:.2f}", aim, each.verdict, each.detail)
    console.print(table)


def _delivery(assembly: Assembly, *, console: Console) -> None:
    stages = assembly.pipeline_stages()
    templates = {name: assembly.template(name) for name in assembly.stacks}
    steps = list(steps_to(stages[-1]["Name"], stages=stages, templates=templates))
    table = Table(title=f"From push to {stages[-1]['Name']}, modelled", title_justify="left")
    for column in ("Stage", "Waits for each other", "Minutes"):
        table.add_column(column, justify="right" if column == "Minutes" else "left")
    for stage in stages:
        own = [step for step in steps if step.stage == stage["Name"]]
        told = ", then ".join(" with ".join(step.actions) for step in own)
        table.add_row(stage["Name"], told, f"{sum(step.minutes for step in own):.1f}")
    console.print(table)
    actions = [step for step in steps if step.actions != ("OnSuccess",)]
    console.print(
        f"{len(actions)} sequential actions, {sum(step.minutes for step in steps):.0f} minutes "
        "(model; people and deployment windows left out)"
    )


if __name__ == "__main__":
    sys.exit(main())
