"""The conditions of a stage, asked one after the other until one does not hold."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.conditions import SKIP, Condition
from rehearsal.results import ActionResult
from rehearsal.rules import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A condition that does not hold."""

    result: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Asked:
    """What was asked, each rule as a line of the report, and the condition that ended it."""

    results: list[ActionResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: Missed | None = None


def ask(conditions: Iterable[Condition], *, asker: Asker, stage: str, kind: str) -> Asked:
    """Ask the rules of a stage's conditions of one kind."""
    asked = Asked()
    for condition in conditions:
        for rule in condition.rules:
            started = time.monotonic()
            with asker.workplace.console.step(f"{stage} / {kind}: {rule.name}") as step:
                answer = asker.ask(rule)
                step.note = answer.says
            otherwise = "Skipped" if condition.result == SKIP else "Failed"
            asked.results.append(
                ActionResult(
                    stage=stage,
                    action=f"{kind}: {rule.name}",
                    provider="Rule",
                    status="Succeeded" if answer.holds else otherwise,
                    seconds=time.monotonic() - started,
                    summary=answer.says,
                    log="",
                )
            )
            if answer.note:
                asked.notes.append(f"Stage {stage}: {answer.note}")
            if not answer.holds:
                reason = f"Stage {stage} is held by its condition {kind} ({rule.name}): {answer.says}."
                asked.missed = Missed(result=condition.result, reason=reason)
                return asked
    return asked
