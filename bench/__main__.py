"""`python -m bench`: prints what the delivery costs in time."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.delivery_minutes import steps_to
from tests.synthesized import Assembly


def main() -> int:
    """Models the delivery of the assembly in cdk.out."""
    directory = Path("cdk.out")
    if not (directory / "manifest.json").is_file():
        print("bench: there is no cdk.out: run `make synth` first.", file=sys.stderr)
        return 2
    _delivery(Assembly(directory), console=Console())
    return 0


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
