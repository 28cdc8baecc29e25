"""Changes between two templates, and the stored data that they would lose, as the change-set guard decides it."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.guard.losses import DELETE, Loss, deleted, faults, hidden, replaced, resources, weakened, weaker
from pipeline.plan.template import Json, references
from pipeline.policy.template import is_intrinsic

REVISION = "new revision"
KINDS = ("replaced", "removed", "changed", REVISION, "added")  # the most dangerous first
REVISIONS = frozenset(
    {"AWS::ApiGateway::Deployment", "AWS::ECS::TaskDefinition", "AWS::Lambda::LayerVersion", "AWS::Lambda::Version"}
)
"""The types whose resources never change: their replacement is a new revision, and the old one contains no data."""

_LONGEST_VALUE = 80
ATTRIBUTES = ("Condition", "DeletionPolicy", "DependsOn", "UpdateReplacePolicy")


class Action(Enum):
    """What CloudFormation does with a resource."""

    ADD = "added"
    MODIFY = "changed"
    REMOVE = "removed"


class Replacement(Enum):
    """Whether a changed resource is replaced: CloudFormation creates a new one and deletes the old one."""

    NEVER = "no"
    CONDITIONAL = "maybe"  # it depends on values that only CloudFormation knows
    ALWAYS = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A resource that is added, changed or removed."""

    stack: str  # the stack name, such as Prod-Payment
    logical_id: str
    resource_type: str
    action: Action
    replacement: Replacement = Replacement.NEVER
    properties: tuple[str, ...] = ()  # the top-level properties, and attributes such as DeletionPolicy, that differ
    causes: tuple[str, ...] = ()  # those that force the replacement, or may
    weaker: tuple[str, ...] = ()  # those that keep less stored data, or protect it less
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # old and new of those that are short

    @property
    def kind(self) -> str:
        """One of ``KINDS``."""
        if self.replacement is Replacement.NEVER:
            return self.action.value
        return REVISION if self.resource_type in REVISIONS else "replaced"


def template_changes(*, stack: str, region: str, before: Json | None, after: Json | None) -> list[Change]:
    """The changes from one template of a stack to another, sorted by logical id; None if the stack does not exist.

    A replaced resource has a new physical id. So a resource that refers to it in a create-only property may be replaced
    too.
    """
    old, new = resources(before or {}), resources(after or {})
    changes: dict[str, Change] = {}
    for name in sorted(old.keys() | new.keys()):
        change = Change(
            stack=stack,
            logical_id=name,
            resource_type=(new.get(name) or old[name])["Type"],
            action=Action.REMOVE if name not in new else Action.MODIFY if name in old else Action.ADD,
        )
        if change.action is not Action.MODIFY:
            changes[name] = change
        elif modified := _modified(change, old[name], new[name], region=region):
            changes[name] = modified
    while found := dict(_replaced_by_reference(stack, new, changes, region=region)):
        changes |= found
    return [changes[name] for name in sorted(changes)]


def _modified(change: Change, old: Json, new: Json, *, region: str) -> Change | None:
    """The change with the properties that differ; None if none does."""
    if old["Type"] != new["Type"]:
        return replace(change, replacement=Replacement.ALWAYS, properties=("Type",), causes=("Type",))
    before, after = old.get("Properties", {}), new.get("Properties", {})
    differing = [
        *(name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)),
        *(name for name in ATTRIBUTES if old.get(name) != new.get(name)),
    ]
    if not differing:
        return None
    always, conditionally = _create_only(new["Type"], region)
    forcing = _differing(always, before, after)
    # All of them: an allowed change must name each property that CloudFormation reports.
    causes = tuple(dict.fromkeys((*forcing, *_differing(conditionally, before, after))))
    replacement = Replacement.ALWAYS if forcing else Replacement.CONDITIONAL if causes else Replacement.NEVER
    values = {
        name: (str(before[name]), str(after[name]))
        for name in differing
        if name in before and name in after and _is_short(before[name]) and _is_short(after[name])
    }
    return replace(
        change,
        replacement=replacement,
        properties=tuple(differing),
        causes=causes,
        weaker=tuple(weaker(old, new)),
        values=values,
    )


def _is_short(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _LONGEST_VALUE)


PropertyPath = tuple[str, ...]  # the names below each other; * is every item


@cache
def _create_only(resource_type: str, region: str) -> tuple[tuple[PropertyPath, ...], tuple[PropertyPath, ...]]:
    """The paths of the properties whose change always, or perhaps, replaces a resource of a type.

    Without a schema of the type every property may.
    """
    schemas = _schemas()
    known = _types(schemas, region)
    if resource_type.startswith("Custom::"):
        resource_type = "AWS::CloudFormation::CustomResource"
    if resource_type not in known:
        return (), (("*",),)
    schema = json.loads((schemas / "resources" / f"{known[resource_type]}.json").read_text(encoding="utf-8"))
    return _paths(schema.get("createOnlyProperties")), _paths(schema.get("conditionalCreateOnlyProperties"))


@cache
def _schemas() -> Path:
    """The resource schemas that cfn-lint contains; importing cfn-lint takes most of a second."""
    package = find_spec("cfnlint")
    assert package is not None  # noqa: S101 - requirements.txt pins it
    assert package.submodule_search_locations  # noqa: S101 - a package; its modules may be missing (pipeline/packages.py)
    return Path(package.submodule_search_locations[0]) / "data" / "schemas"


@cache
def _types(schemas: Path, region: str) -> Mapping[str, str]:
    """The file of each resource type's schema."""
    file = schemas / "providers" / f"{region}.json"
    if not file.exists():  # a region newer than the schemas
        file = file.with_name("us-east-1.json")
    types: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return types


def _paths(pointers: list[str] | None) -> tuple[PropertyPath, ...]:
    return tuple(tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers or ())


def _differing(paths: tuple[PropertyPath, ...], before: Json, after: Json) -> tuple[str, ...]:
    """The top-level properties in which a value at one of the paths differs."""
    found = []
    for path in paths:
        old, new = list(_values(before, path)), list(_values(after, path))
        found += [name for name, value in old if (name, value) not in new]
        found += [name for name, value in new if (name, value) not in old]
    return tuple(dict.fromkeys(found))


def _values(properties: Json, path: PropertyPath) -> Iterator[tuple[str, Any]]:
    """The values at a path, each with its top-level property. ``*`` matches every item.

    An intrinsic function on the path is the value: what is below it is unknown.
    """
    for name in properties if path[0] == "*" else [path[0]]:
        if name in properties:
            yield from ((name, found) for found in _values_below(properties[name], path[1:]))


def _values_below(value: Any, path: PropertyPath) -> Iterator[Any]:
    if not path or not isinstance(value, (Mapping, list)) or is_intrinsic(value):
        yield value
    elif path[0] == "*":
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _values_below(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_below(value[path[0]], path[1:])


def _replaced_by_reference(
    stack: str, resources: Mapping[str, Json], changes: Mapping[str, Change], *, region: str
) -> Iterator[tuple[str, Change]]:
    replaced = {name for name, change in changes.items() if change.replacement is not Replacement.NEVER}
    for name, resource in resources.items():
        kind = resource["Type"]
        known = changes.get(name) or Change(stack=stack, logical_id=name, resource_type=kind, action=Action.MODIFY)
        if name in replaced or known.action is not Action.MODIFY:
            continue
        found = [
            cause
            for paths in _create_only(kind, region)
            for path in paths
            for cause, value in _values(resource.get("Properties", {}), path)
            if not replaced.isdisjoint(references(value))
        ]
        if causes := tuple(dict.fromkeys(found)):
            properties = tuple(dict.fromkeys((*known.properties, *causes)))
            yield name, replace(known, replacement=Replacement.CONDITIONAL, properties=properties, causes=causes)


def stateful_faults(changes: Sequence[Change], *, allowed: Collection[str]) -> list[str]:
    """A message for each stateful resource that the changes of one or more stacks would lose, or keep less well.

    The entries of ``delivery.allowed_changes`` are no faults.
    """
    nested = [
        fault
        for change in changes
        if change.action is not Action.REMOVE
        for fault in hidden(change.stack, change.logical_id, change.resource_type)
    ]
    return [*nested, *faults((_with_new_name(loss, changes) for loss in _losses(changes)), allowed=allowed)]


def _losses(changes: Sequence[Change]) -> Iterator[Loss]:
    for change in changes:
        identity = (change.stack, change.logical_id, change.resource_type)
        if change.action is Action.REMOVE:
            yield from deleted(*identity)
        elif change.replacement is not Replacement.NEVER:
            certain = change.replacement is Replacement.ALWAYS
            yield from replaced(*identity, causes=change.causes, certain=certain)
        yield from weakened(*identity, causes=change.weaker)


def _with_new_name(loss: Loss, changes: Sequence[Change]) -> Loss:
    """The loss; if a resource of the same type is added, the logical id has probably changed to that one's."""
    added = [
        change.logical_id
        for change in changes
        if change.action is Action.ADD and (change.stack, change.resource_type) == (loss.stack, loss.resource_type)
    ]
    if loss.causes != (DELETE,) or not added:
        return loss
    return loss._replace(words=f"{loss.words} (it seems to be renamed to {' or '.join(added)})")
