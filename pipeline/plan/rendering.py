"""The plan as text, and as a page for the approver: one HTML file without external resources, light or dark."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from pipeline.plan.changes import KINDS, REVISION, Change, Replacement
from pipeline.plan.history import Commit
from pipeline.plan.plan import Plan, StackPlan
from pipeline.trial import trial_notice

_PAGE = Path(__file__).with_name("plan.html")
_MOST_LINES = 200
"""The longest list of permissions or network paths; further ones are only counted."""

_LOSSES = "Stored data would be lost; the guard stops this release."
_ALLOWED_LOSSES = "Stored data will be lost, as delivery.allowed_changes allows."
_REMOVED = "Deployed now, and not in this release: the release takes these commits back."
_DIGESTS = "SHA-256 of each template as canonical JSON (sorted keys, no white space)"
_DIGEST = "SHA-256 of all that the guard compares, as in the approval"
_RUNNING = "Another deployment is running ({}); the plan compares with its template."


def plan_text(plan: Plan) -> str:
    """The plan as text: losses, commits, settings, digests, then the changes of each stack."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"Release {plan.release[:12]} in {plan.environment}: {plan.subject}"
    yield f"  {plan.summary}"
    if plan.trial:
        yield f"  {trial_notice(plan.trial)}"
    settings = [f"{each.name}: {each.old} -> {each.new}" for each in plan.settings]
    blocks = (
        (_LOSSES, plan.losses),
        (_ALLOWED_LOSSES, plan.allowed_losses),
        (_since(plan), [_commit_line(commit) for commit in plan.history.commits] or ["none"]),
        (_REMOVED, [_commit_line(commit) for commit in plan.history.removed]),
        ("All changes of the commits", [plan.history.compare] if plan.history.compare else []),
        ("Not listed", plan.history.missing),
        ("Changed settings", settings or [_no_settings(plan)]),
        (_DIGEST, [plan.digest] if plan.digest else []),
        (_DIGESTS, [f"{stack.digest}  {stack.name}" for stack in plan.stacks]),
    )
    for title, lines in blocks:
        if lines:
            yield from ("", title, *(f"  {line}" for line in lines))
    for stack in plan.stacks:
        yield ""
        yield from _stack_lines(stack)


def _since(plan: Plan) -> str:
    return f"Commits since release {plan.deployed[:12]}, which is deployed" if plan.deployed else "The first release"


def _no_settings(plan: Plan) -> str:
    return "none" if plan.deployed else "the environment is new"


def _commit_line(commit: Commit) -> str:
    return f"{commit.id[:12]} {commit.subject}{f' ({commit.author})' if commit.author else ''}"


def _stack_lines(stack: StackPlan) -> Iterator[str]:
    if stack.deployed is None:
        counts = f"{len(stack.permissions)} permissions, {len(stack.network)} network paths"
        yield f"{stack.name} ({stack.region}): new, {len(stack.changes)} resources, {counts}"
        return
    yield f"{stack.name} ({stack.region}): release {(stack.deployed.release or 'unknown')[:12]} is deployed"
    if stack.running:
        yield f"  {_RUNNING.format(stack.running)}"
    for title, lines in (("permits", stack.permissions), ("opens", stack.network)):
        yield from (f"  {title:12} {line}" for line in _first(lines))
    for kind in KINDS:
        for change in stack.changes_of(kind):
            yield f"  {kind:12} {change.logical_id} ({change.resource_type}){reason(change)}"
    if not stack.changes:
        yield "  no changes"


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more"


def reason(change: Change) -> str:
    """The properties that change, with those that force a replacement first."""
    shown = {name: f"{name} {' -> '.join(change.values[name])}" for name in change.values}
    properties, causes = ([shown.get(name, name) for name in names] for names in (change.properties, change.causes))
    if change.replacement is Replacement.NEVER or change.kind == REVISION:
        return f": {', '.join(properties)}" if properties else ""
    certainty = "because of" if change.replacement is Replacement.ALWAYS else "perhaps, because of"
    others = [name for name in properties if name not in causes]
    also = f"; also {', '.join(others)}" if others else ""
    return f" {certainty} {', '.join(causes)}{also}"


def plan_page(plan: Plan) -> str:
    """The plan as HTML: losses, commits, settings, wider access, digests, then the changes of each stack."""
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        environment=escape(plan.environment),
        subject=escape(plan.subject),
        release=f"<code>{escape(plan.release[:12])}</code>",
        deployed=f"replaces <code>{escape(plan.deployed[:12])}</code>" if plan.deployed else "is the first one here",
        notes="".join(_notes(plan)),
        commits="".join(_commits(plan)),
        settings="".join(_settings(plan)),
        access="".join(_access(plan)),
        digests="".join(f"<dt>{escape(stack.name)}</dt><dd>{_code(stack.digest)}</dd>" for stack in plan.stacks),
        digest_title=escape(_DIGESTS),
        digest=f"<p><small>{escape(_DIGEST)}</small></p><p>{_code(plan.digest)}</p>",
        counts="".join(
            f'<li class="{_class(kind)}"><b>{plan.count(kind)}</b> {kind}</li>' for kind in KINDS if plan.count(kind)
        ),
        stacks="".join(part for stack in plan.stacks for part in _stack(stack)),
    )


def _notes(plan: Plan) -> Iterator[str]:
    if plan.trial:
        yield _note("warn", trial_notice(plan.trial))
    if plan.losses:
        yield _note("bad", _LOSSES, plan.losses)
    if plan.allowed_losses:
        yield _note("bad", _ALLOWED_LOSSES, plan.allowed_losses)
    if plan.broadens:
        yield _note("warn", "Permissions or network access become broader; they are listed below the settings.")
    good = [
        *([] if plan.losses or plan.allowed_losses else ["No stored data is deleted or replaced."]),
        *([] if plan.broadens else ["Neither permissions nor network access become broader."]),
    ]
    if good:
        yield _note("", " ".join(good))
    if plan.history.removed:
        yield _note("warn", _REMOVED, [_commit_line(commit) for commit in plan.history.removed])


def _note(kind: str, text: str, lines: Sequence[str] = ()) -> str:
    return f'<div class="note {kind}"><p>{escape(text)}</p>{_list(lines)}</div>'


def _commits(plan: Plan) -> Iterator[str]:
    yield f"<p>{escape(_since(plan))}:</p>" if plan.history.commits else "<p>None is listed.</p>"
    yield '<ul class="commits">'
    for commit in plan.history.commits:
        details = " · ".join(filter(None, (commit.author, commit.id[:12])))
        yield f"<li>{_link(commit.subject or commit.id[:12], commit.url)}<br><small>{escape(details)}</small></li>"
    yield "</ul>"
    if plan.history.compare:
        yield f"<p>{_link('All changes of these commits', plan.history.compare)}</p>"
    if plan.history.missing:
        yield f"<p><small>Not listed: {escape(' '.join(plan.history.missing))}</small></p>"


def _link(text: str, url: str | None) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>' if url else escape(text)


def _settings(plan: Plan) -> Iterator[str]:
    if not plan.settings:
        yield f"<p>{escape(_no_settings(plan).capitalize())}.</p>"
        return
    yield '<dl class="settings">'
    for each in plan.settings:
        yield f"<dt>{_code(each.name)}</dt><dd>{_code(each.old)} → <b>{_code(each.new)}</b></dd>"
    yield "</dl>"


def _access(plan: Plan) -> Iterator[str]:
    if not plan.broadens:
        return
    yield "<h2>Broader access</h2>"
    for stack in plan.stacks:
        for title, lines in (("permissions", stack.permissions), ("network paths", stack.network)):
            if lines:
                details = "<details open>" if stack.deployed else "<details>"
                summary = f"{escape(stack.name)}: {len(lines)} {title}"
                yield f"{details}<summary>{summary}</summary>{_list(list(_first(lines)))}</details>"


def _stack(stack: StackPlan) -> Iterator[str]:
    yield f"<h3>{escape(stack.name)} <small>{escape(stack.region)}</small></h3>"
    if stack.running:
        yield _note("warn", _RUNNING.format(stack.running))
    if not stack.changes:
        yield "<p>No changes.</p>"
        return
    if stack.deployed is None:
        yield f"<details><summary>The stack is new: {len(stack.changes)} resources.</summary>"
    else:
        yield f"<details open><summary>{len(stack.changes)} resources</summary>"
    yield '<ul class="resources">'
    for kind in KINDS:
        for change in stack.changes_of(kind):
            yield (
                f'<li><span class="kind {_class(kind)}">{kind}</span> {_code(change.logical_id)}'
                f"<br><small>{escape(change.resource_type)}{escape(reason(change))}</small></li>"
            )
    yield "</ul></details>"


def _class(kind: str) -> str:
    return kind.rpartition(" ")[2]


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_code(line)}</li>' for line in lines)}</ul>" if lines else ""
