"""The plan as text, and as a page for the approver: one HTML file without external resources, light or dark."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from pipeline.plan.changes import KINDS, Change, Replacement
from pipeline.plan.plan import Plan, StackPlan

_PAGE = Path(__file__).with_name("plan.html")
_MOST_LINES = 200
"""The longest list of permissions or network paths; further ones are only counted."""

_LOSSES = "Stored data would be lost; the guard stops this release."
_ALLOWED_LOSSES = "Stored data will be lost, as delivery.allowed_changes allows."
_RUNNING = "Another deployment is running ({}); the plan compares with its template."


def plan_text(plan: Plan) -> str:
    """The plan as text, with the dangerous changes first."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"Changes of release {plan.release[:12]} in {plan.environment}"
    yield f"  {plan.summary}"
    for title, lines in ((_LOSSES, plan.losses), (_ALLOWED_LOSSES, plan.allowed_losses)):
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))
    for stack in plan.stacks:
        yield ""
        yield from _stack_lines(stack)


def _stack_lines(stack: StackPlan) -> Iterator[str]:
    if stack.deployed is None:
        counts = f"{len(stack.permissions)} permissions, {len(stack.network)} network paths"
        yield f"{stack.name} ({stack.region}): new, {len(stack.changes)} resources, {counts}"
        return
    yield f"{stack.name} ({stack.region}): release {(stack.deployed.release or 'unknown')[:12]} is deployed"
    if stack.running:
        yield f"  {_RUNNING.format(stack.running)}"
    for title, lines in (("permits", stack.permissions), ("opens", stack.network)):
        yield from (f"  {title:9} {line}" for line in _first(lines))
    for kind in KINDS:
        for change in stack.changes_of(kind):
            yield f"  {kind:9} {change.logical_id} ({change.resource_type}){reason(change)}"
    if not stack.changes:
        yield "  no changes"


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more"


def reason(change: Change) -> str:
    """The properties that change, with those that force a replacement first."""
    if change.replacement is Replacement.NEVER:
        return f": {', '.join(change.properties)}" if change.properties else ""
    certainty = "because of" if change.replacement is Replacement.ALWAYS else "perhaps, because of"
    others = [name for name in change.properties if name not in change.causes]
    also = f"; also {', '.join(others)}" if others else ""
    return f" {certainty} {', '.join(change.causes)}{also}"


def plan_page(plan: Plan) -> str:
    """The plan as HTML, with the dangerous changes first."""
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        environment=escape(plan.environment),
        release=escape(plan.release),
        short=escape(plan.release[:12]),
        counts="".join(f'<li class="{kind}"><b>{plan.count(kind)}</b>{kind}</li>' for kind in KINDS),
        notes="".join(_notes(plan)),
        stacks="".join(part for stack in plan.stacks for part in _stack(stack)),
    )


def _notes(plan: Plan) -> Iterator[str]:
    if plan.losses:
        yield _note("bad", _LOSSES, plan.losses)
    if plan.allowed_losses:
        yield _note("bad", _ALLOWED_LOSSES, plan.allowed_losses)
    if not plan.losses and not plan.allowed_losses:
        yield _note("", "No stored data is deleted or replaced.")
    if plan.broadens:
        yield _note("warn", "The release broadens permissions or network access; the stacks below list where.")
    else:
        yield _note("", "The release broadens neither permissions nor network access.")


def _note(kind: str, text: str, lines: Sequence[str] = ()) -> str:
    return f'<div class="note {kind}"><p>{escape(text)}</p>{_list(lines)}</div>'


def _stack(stack: StackPlan) -> Iterator[str]:
    yield f"<h2>{escape(stack.name)} <small>{escape(stack.region)}</small></h2>"
    if stack.deployed is None:
        yield f"<p>The stack is new: {len(stack.changes)} resources.</p>"
    else:
        yield f"<p>Release <code>{escape(stack.deployed.release or 'unknown')}</code> is deployed.</p>"
    if stack.running:
        yield _note("warn", _RUNNING.format(stack.running))
    details = "<details open>" if stack.deployed else "<details>"
    for title, lines in (("permissions are", stack.permissions), ("network paths are", stack.network)):
        if lines:
            yield f"{details}<summary>{len(lines)} {title} wider</summary>{_list(list(_first(lines)))}</details>"
    if not stack.changes:
        yield "<p>No changes.</p>"
        return
    yield f"{details}<summary>{len(stack.changes)} resources</summary><table><tbody>"
    for kind in KINDS:
        for change in stack.changes_of(kind):
            yield (
                f'<tr><td class="{kind}">{kind}</td><td><code>{escape(change.logical_id)}</code><br>'
                f"<small>{escape(change.resource_type)}</small></td><td>{escape(reason(change).lstrip(': '))}</td></tr>"
            )
    yield "</tbody></table></details>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li><code>{escape(line)}</code></li>' for line in lines)}</ul>" if lines else ""
