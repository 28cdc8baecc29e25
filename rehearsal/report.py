"""The closing report: what was carried out, what stands where, and what none of it proves."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console as RichConsole
from rich.markup import escape
from rich.table import Table

from rehearsal.console import duration
from rehearsal.emulator.coverage import EMULATED, Coverage
from rehearsal.results import ExecutionResult
from rehearsal.standing import ABSENT, Standing

_BAD = {"Failed", "Cancelled", "Stopped", "InProgress", ABSENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One delivered commit."""

    commit: str
    title: str
    succeeded: bool
    reason: str
    seconds: float
    executions: tuple[ExecutionResult, ...]
    standing: tuple[Standing, ...]
    declared_types: frozenset[str]
    notes: tuple[str, ...]
    logs: Path
    coverage: Coverage

    def resources(self) -> Mapping[str, int]:
        """How many resources stand of each type that stands or that the commit's templates declare."""
        total: Counter[str] = Counter(dict.fromkeys(self.declared_types, 0))
        for stack in self.standing:
            total.update(stack.resources)
        return total


def show(report: Report, *, console: RichConsole) -> None:
    """Print it."""
    for execution in report.executions:
        console.print(_execution(execution))
        if execution.not_reached:
            console.print(escape(f"Not reached: {', '.join(execution.not_reached)}"), soft_wrap=True)
    console.print(_standing(report))
    _coverage(report, console=console)
    for note in report.notes:
        console.print(escape(f"Not carried out: {note}"), soft_wrap=True)
    verdict = "[bold green]delivered[/bold green]" if report.succeeded else "[bold red]not delivered[/bold red]"
    commit = escape(f"{report.commit[:12]} ({report.title})")
    console.print(f"\n{commit}: {verdict} in {duration(report.seconds)}", soft_wrap=True)
    if report.reason:
        console.print(escape(report.reason), soft_wrap=True)
    console.print(escape(f"Logs and report.json: {report.logs}"), soft_wrap=True)


def write(reports: list[Report], *, file: Path) -> None:
    """The same for a program to read, the last delivered commit last."""
    document = [
        {
            "commit": report.commit,
            "title": report.title,
            "succeeded": report.succeeded,
            "reason": report.reason,
            "seconds": round(report.seconds, 1),
            "executions": [asdict(execution) for execution in report.executions],
            "standing": [asdict(stack) for stack in report.standing],
            "resource_types": {
                name: {"count": number, "class": report.coverage[name].kind, "note": report.coverage[name].note}
                for name, number in sorted(report.resources().items())
            },
            "not_carried_out": report.notes,
            "not_proved": report.coverage.not_proved,
        }
        for report in reports
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")


def _execution(execution: ExecutionResult) -> Table:
    kind = "Rollback" if execution.rolls_back else "Execution"
    title = f"{kind} {execution.id[:8]} of pipeline version {execution.pipeline_version}: {execution.status}"
    table = Table(title=title, title_justify="left")
    for column in ("Stage", "Action", "Result", "Time", "What"):
        table.add_column(column, justify="right" if column == "Time" else "left", overflow="fold")
    for action in execution.actions:
        what = next(iter(action.summary.splitlines()), "")
        cells = (action.stage, action.action, action.status, duration(action.seconds), what)
        table.add_row(*map(escape, cells), style="red" if action.status in _BAD else "")
    return table


def _standing(report: Report) -> Table:
    table = Table(title="What stands", title_justify="left")
    for column in ("Stack", "Account", "Region", "Status", "This delivery", "Resources"):
        table.add_column(column, justify="right" if column == "Resources" else "left", overflow="fold")
    for stack in report.standing:
        place = stack.environment
        number = str(sum(stack.resources.values()) or "")
        cells = (stack.stack, place.account, place.region, stack.status, stack.change, number)
        complete = stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status
        table.add_row(*map(escape, cells), style="" if complete else "red")
    return table


def _coverage(report: Report, *, console: RichConsole) -> None:
    found = report.resources()
    emulated = {name: number for name, number in found.items() if report.coverage[name].kind == EMULATED}
    types = sum(number > 0 for number in emulated.values())
    console.print(f"\nEmulated: {sum(emulated.values())} resources of {types} types, with these limits:")
    for name in sorted(emulated):
        if emulated[name] and (note := report.coverage[name].note):
            console.print(escape(f"  - {name}: {note}"), soft_wrap=True)
    for name in sorted(set(found) - set(emulated)):
        kind, note = report.coverage[name]
        console.print(escape(f"{kind.capitalize()}: {found[name] or 'no'} {name}: {note}"), soft_wrap=True)
    console.print("What a rehearsal does not prove:")
    for line in report.coverage.not_proved:
        console.print(escape(f"  - {line}"), soft_wrap=True)
