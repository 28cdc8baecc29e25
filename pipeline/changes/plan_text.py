"""The plan as text, for a terminal and a build log."""

from collections.abc import Iterator

from pipeline.changes.change import Change, Replacement
from pipeline.changes.plan import KINDS, Plan, StackPlan, shown


def plan_text(plan: Plan) -> str:
    """The plan, what is dangerous first."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"What release {plan.release[:12]} changes in {plan.environment}"
    yield f"  {plan.summary}"
    yield from _section("Data at risk, which the guard stops", plan.losses)
    yield from _section("Losses that delivery.allowed_changes allows", plan.wanted_losses)
    for stack in plan.stacks:
        yield ""
        yield f"{stack.name} ({stack.region}), {_standing(stack)}"
        if stack.is_new:
            yield f"  everything is new: {len(stack.changes)} resources, {len(stack.permissions)} permissions, "
            yield f"  {len(stack.network)} network paths"
            continue
        for title, lines in (("permits", stack.permissions), ("opens", stack.network)):
            for line in shown(lines):
                yield f"  {title:9} {line}"
        for kind in KINDS:
            for change in stack.of(kind):
                yield f"  {kind:9} {change.logical_id} ({change.resource_type}){why(change)}"
        if not stack.changes:
            yield "  nothing changes"


def _section(title: str, lines: tuple[str, ...] | list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _standing(stack: StackPlan) -> str:
    if stack.is_new:
        return "which does not stand yet"
    busy = f"; it is {stack.status}: this compares with what comes there now" if stack.is_busy else ""
    return f"where release {(stack.deployed or 'unknown')[:12]} stands{busy}"


def why(change: Change) -> str:
    """The properties that change, those that force a replacement first."""
    if change.replacement is Replacement.NEVER:
        return f": {', '.join(change.properties)}" if change.properties else ""
    certainty = "because of" if change.replacement is Replacement.ALWAYS else "perhaps, depending on"
    others = [name for name in change.properties if name not in change.causes]
    also = f"; also {', '.join(others)}" if others else ""
    return f" {certainty} {', '.join(change.causes)}{also}"
