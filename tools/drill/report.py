"""The report of a drill: its steps, the data that was lost, and what it does not prove."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.table import Table

from cdk_rehearsal.console import duration
from tools.drill.data import Kind

NOT_PROVED = (
    "Database: PostgreSQL itself, restored from its own files; Aurora's storage, versions and waits are AWS's.",
    "Service: no container runs, so no request was served; its resources and settings were checked.",
    "Times: AWS takes minutes to hours for what the emulator does in a second; no recovery time can be derived.",
    "Replication lag: the emulator replicates at once, so exactly the records written after the cut were lost.",
    "Permissions: none is enforced; the calls of roles are judged afterwards, the operator's as those of the "
    "break-glass role with AdministratorAccess. CloudFormation's execution role sends none here. No service control "
    "policy is judged: the organization owns them.",
)


@dataclass(slots=True, kw_only=True)
class StepResult:
    """The result of one step of the runbook."""

    title: str
    commands: int
    manual: tuple[str, ...]
    seconds: float = 0.0
    passed: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a drill; the reason is that of its failure."""

    environment: str
    lost: str
    reason: str
    seconds: float
    steps: tuple[StepResult, ...]
    kinds: tuple[Kind, ...]

    @property
    def succeeded(self) -> bool:
        """Whether every step passed."""
        return not self.reason


def show(report: Report, *, console: RichConsole, logs: Path) -> None:
    """Print the report."""
    console.print(_data(report))
    console.print("\nNot run, because it needs an account:")
    for step in report.steps:
        for block in step.manual:
            console.print(escape(f"  - {step.title}: {_first_words(block)}"), soft_wrap=True)
    console.print("What this drill does not prove:")
    for line in NOT_PROVED:
        console.print(escape(f"  - {line}"), soft_wrap=True)
    verdict = "[bold green]passed[/bold green]" if report.succeeded else "[bold red]failed[/bold red]"
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
    """Write the report as JSON."""
    document = {
        "environment": report.environment,
        "lost": report.lost,
        "succeeded": report.succeeded,
        "reason": report.reason,
        "seconds": round(report.seconds, 1),
        "steps": [asdict(step) for step in report.steps],
        "data": [dict(zip(_COLUMNS, _row(kind), strict=True)) for kind in report.kinds],
        "not_proved": NOT_PROVED,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


_COLUMNS = (
    "Data", "May be lost", "Written", "Of these in flight", "Lost", "Written in DR region", "Found in primary region",
)  # fmt: skip


def _row(kind: Kind) -> tuple[str | int, ...]:
    written = (len(kind.before) + len(kind.in_flight), len(kind.in_flight))
    return (kind.name, kind.promise, *written, kind.lost, len(kind.meanwhile), len(kind.found_in_primary))


def _data(report: Report) -> Table:
    table = Table(title="\nData lost", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == _COLUMNS[0] else "right")
    for kind in report.kinds:
        table.add_row(*map(str, _row(kind)))
    return table


def _first_words(block: str) -> str:
    command = next(line for line in block.splitlines() if line.strip())
    return " ".join(command.split()[:3])
