"""The closing report of a drill: the steps, what was lost, and what none of it shows."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.table import Table

from cdk_rehearsal.console import duration
from tools.drill.data import Kind

NOT_SHOWN = (
    "The database: its copy was found in the DR vault, but there is nothing in it; no restore, no payment compared.",
    "The service: no container runs, so nobody was served; that its parts and settings stand was looked at.",
    "Times: AWS takes minutes to hours for what the emulator does in a second. No recovery time follows from these.",
    "Replication lag: the emulator replicates at once. What was lost is what was written after the cut, by design.",
    "Permissions: nothing is enforced, whoever runs a command.",
)


@dataclass(slots=True, kw_only=True)
class StepResult:
    """What became of one step of the runbook."""

    title: str
    commands: int
    by_hand: tuple[str, ...]
    seconds: float = 0.0
    passed: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One drill; it succeeded when there is no reason why not."""

    environment: str
    lost: str
    reason: str
    seconds: float
    steps: tuple[StepResult, ...]
    kinds: tuple[Kind, ...]

    @property
    def succeeded(self) -> bool:
        """Whether everything that could be carried out went as the runbook says."""
        return not self.reason


def show(report: Report, *, console: RichConsole, logs: Path) -> None:
    """Print it."""
    console.print(_data(report))
    console.print("\nNeeds an account, and was not run:")
    for step in report.steps:
        for block in step.by_hand:
            console.print(escape(f"  - {step.title}: {_first_words(block)}"), soft_wrap=True)
    console.print("What this drill does not show:")
    for line in NOT_SHOWN:
        console.print(escape(f"  - {line}"), soft_wrap=True)
    verdict = "[bold green]carried out[/bold green]" if report.succeeded else "[bold red]failed[/bold red]"
    commands = sum(step.commands for step in report.steps if step.passed)
    done = sum(step.passed for step in report.steps)
    console.print(
        f"\nDrill of {report.environment}, {report.lost} lost: {verdict}, {done} steps and {commands} blocks of "
        f"commands in {duration(report.seconds)}",
        soft_wrap=True,
    )
    if report.reason:
        console.print(escape(report.reason), soft_wrap=True)
    console.print(escape(f"Output of the commands and report.json: {logs}"), soft_wrap=True)


def write(report: Report, *, file: Path) -> None:
    """The same for a program to read."""
    document = {
        "environment": report.environment,
        "lost": report.lost,
        "succeeded": report.succeeded,
        "reason": report.reason,
        "seconds": round(report.seconds, 1),
        "steps": [
            {
                "title": step.title,
                "passed": step.passed,
                "seconds": round(step.seconds, 1),
                "blocks": step.commands,
                "needs_an_account": [_first_words(block) for block in step.by_hand],
                "notes": step.notes,
            }
            for step in report.steps
        ],
        "data": [
            {
                "kind": kind.name,
                "promise": kind.promise,
                "written": len(kind.before) + len(kind.in_flight),
                "in_flight": len(kind.in_flight),
                "lost": kind.lost,
                "written_there": len(kind.meanwhile),
                "found_at_home": len(kind.found_at_home),
            }
            for kind in report.kinds
        ],
        "not_shown": NOT_SHOWN,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _data(report: Report) -> Table:
    table = Table(title="\nWhat was lost", title_justify="left")
    table.add_column("Data")
    for column in ("May be lost", "Written", "of them in flight", "Lost", "Written there", "Home again"):
        table.add_column(column, justify="right")
    for kind in report.kinds:
        numbers = (
            len(kind.before) + len(kind.in_flight), len(kind.in_flight), kind.lost, len(kind.meanwhile),
            len(kind.found_at_home),
        )  # fmt: skip
        table.add_row(kind.name, kind.promise, *map(str, numbers))
    table.add_row("Database", "24 hours", *["not shown"] * 5)
    return table


def _first_words(block: str) -> str:
    command = next(line for line in block.splitlines() if line.strip())
    return " ".join(command.split()[:3])
