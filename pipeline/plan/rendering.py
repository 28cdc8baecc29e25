"""The plan as a page, for whoever approves: one file without anything to fetch, light or dark, fit to print."""

from collections.abc import Iterator, Sequence
from html import escape

from pipeline.plan.changes import Change, Replacement
from pipeline.plan.plan import KINDS, Plan, StackPlan, shown


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


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --warn: #b26a00; --good: #2e7d32; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffb74d; --good: #81c784; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none; }
.counts li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; text-align: center; }
.counts b { display: block; font-size: 1.4rem; }
.note { border-left: .3rem solid var(--good); padding: .25rem 1rem; margin: 1rem 0; }
.bad { border-color: var(--bad); } .warn { border-color: var(--warn); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
padding: .35rem .5rem; border-bottom: 1px solid var(--line); } td:first-child { white-space: nowrap; }
.replaced, .removed { color: var(--bad); } .changed { color: var(--warn); } .added { color: var(--good); }
summary { cursor: pointer; }
"""


def plan_page(plan: Plan) -> str:
    """The plan as HTML, what is dangerous first."""
    title = f"{plan.environment}: release {plan.release[:12]}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>What changes in {escape(plan.environment)}</h1>",
            f"<p>Release <code>{escape(plan.release)}</code></p>",
            '<ul class="counts">',
            *(f'<li class="{kind}"><b>{plan.count(kind)}</b>{kind}</li>' for kind in KINDS),
            "</ul>",
            *_notes(plan),
            *(part for stack in plan.stacks for part in _stack(stack)),
            "</body></html>\n",
        )
    )


def _notes(plan: Plan) -> Iterator[str]:
    if plan.losses:
        yield _note("bad", "Stored data would be lost; the guard stops this release.", plan.losses)
    if plan.wanted_losses:
        yield _note("bad", "Stored data is lost, as delivery.allowed_changes allows.", plan.wanted_losses)
    if not plan.losses and not plan.wanted_losses:
        yield _note("", "No stored data is deleted or replaced.", ())
    if plan.broadens:
        yield _note("warn", "Permissions or the network become wider; the stacks below say where.", ())
    else:
        yield _note("", "Permissions and the network become no wider.", ())


def _note(kind: str, words: str, lines: Sequence[str]) -> str:
    return f'<div class="note {kind}"><p>{escape(words)}</p>{_list(lines)}</div>'


def _stack(stack: StackPlan) -> Iterator[str]:
    yield f"<h2>{escape(stack.name)} <small>{escape(stack.region)}</small></h2>"
    if stack.is_new:
        yield f"<p>It does not stand yet: all of its {len(stack.changes)} resources are new.</p>"
    else:
        yield f"<p>Release <code>{escape(stack.deployed or 'unknown')}</code> stands there.</p>"
    if stack.is_busy:
        yield _note("warn", f"It is {stack.status}: this compares with what comes there just now.", ())
    for words, lines in (("permissions", stack.permissions), ("network paths", stack.network)):
        if lines:
            opened = "" if stack.is_new else " open"
            yield f"<details{opened}><summary>{len(lines)} {words} become wider</summary>{_list(list(shown(lines)))}"
            yield "</details>"
    if not stack.changes:
        yield "<p>Nothing changes.</p>"
        return
    opened = "" if stack.is_new else " open"
    yield f"<details{opened}><summary>{len(stack.changes)} resources</summary><table><tbody>"
    for kind in KINDS:
        for change in stack.of(kind):
            yield (
                f'<tr><td class="{kind}">{kind}</td><td><code>{escape(change.logical_id)}</code><br>'
                f"<small>{escape(change.resource_type)}</small></td><td>{escape(why(change).lstrip(': '))}</td></tr>"
            )
    yield "</tbody></table></details>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li><code>{escape(line)}</code></li>' for line in lines)}</ul>" if lines else ""
