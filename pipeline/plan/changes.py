"""Which changes lose what a stack holds, judged as the change-set guard judges them, without an account."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, Self

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from pipeline.guard.handler import DELETE, Loss, deleted, faults, replaced


class Action(Enum):
    """What becomes of a resource."""

    ADD = "add"
    MODIFY = "change"
    REMOVE = "remove"


class Replacement(Enum):
    """Whether a changed resource is made anew, and the old one deleted."""

    NEVER = "no"
    CONDITIONAL = "maybe"
    """It depends on values that only CloudFormation knows."""
    ALWAYS = "yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A resource that a commit adds, changes or removes.

    Args:
        stack: The stack as CloudFormation knows it, such as ``Prod-Payment``.
        logical_id: The resource's name in the template.
        resource_type: Such as ``AWS::S3::Bucket``.
        action: What becomes of it.
        replacement: Whether a change makes it anew; ``NEVER`` where it is added or removed.
        properties: The top-level properties (or attributes, such as DeletionPolicy) that differ.
        causes: Those of them that force the replacement, or may.
    """

    stack: str
    logical_id: str
    resource_type: str
    action: Action
    replacement: Replacement = Replacement.NEVER
    properties: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOnly:
    """The paths of such properties of a resource type.

    Args:
        always: Those that force a replacement.
        conditionally: Those that may.
    """

    always: tuple[Path, ...]
    conditionally: tuple[Path, ...]

    @classmethod
    @cache
    def of(cls, resource_type: str, *, region: str) -> Self:
        """Those of a type; any property of a type that no schema is known of may force a replacement."""
        try:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema
        except ResourceNotFoundError:
            return cls(always=(), conditionally=(("*",),))
        return cls(
            always=_paths(schema.get("createOnlyProperties")),
            conditionally=_paths(schema.get("conditionalCreateOnlyProperties")),
        )


def _paths(pointers: list[str] | None) -> tuple[Path, ...]:
    return tuple(tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers or ())


def at(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """What stands at a path of some properties, each with the top-level property that it is in.

    ``*`` is every item. An intrinsic function in the way stands for all that is behind it.
    """
    for name in value if path[0] == "*" else [path[0]]:
        if name in value:
            yield from ((name, found) for found in _below(value[name], path[1:]))


def _below(value: Any, path: Path) -> Iterator[Any]:
    if not path or not isinstance(value, (Mapping, list)) or _is_intrinsic(value):
        yield value
    elif path[0] == "*":
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _below(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _below(value[path[0]], path[1:])


def _is_intrinsic(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and all(key == "Ref" or "Fn::" in key for key in value)


ATTRIBUTES = ("Condition", "DeletionPolicy", "DependsOn", "UpdateReplacePolicy")

Json = Mapping[str, Any]


def template_changes(*, stack: str, region: str, before: Json | None, after: Json | None) -> list[Change]:
    """Compares two templates of a stack, resource by resource, in the order of their logical ids.

    A resource that is replaced has another id: whatever refers to it in a property that forces a replacement may be
    replaced too.

    Args:
        stack: The stack as CloudFormation knows it.
        region: The region of the stack, whose schemas are asked.
        before: The template that stands; None where there is none.
        after: The template that comes; None where the stack goes.
    """
    old, new = _resources(before), _resources(after)
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


def _resources(template: Json | None) -> dict[str, Json]:
    """The resources, with what a parameter stands for beside its name."""
    document = template or {}
    resources: dict[str, Json] = _spelled_out(document.get("Resources", {}), document.get("Parameters", {}))
    return resources


def _spelled_out(value: Any, parameters: Json) -> Any:
    if isinstance(value, list):
        return [_spelled_out(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in parameters:
        return {"Ref": value["Ref"], "Parameter": parameters[value["Ref"]]}
    return {key: _spelled_out(item, parameters) for key, item in value.items()}


def _modified(change: Change, old: Json, new: Json, *, region: str) -> Change | None:
    """The change with what differs; None where nothing does."""
    if old["Type"] != new["Type"]:
        return replace(change, replacement=Replacement.ALWAYS, properties=("Type",), causes=("Type",))
    before, after = old.get("Properties", {}), new.get("Properties", {})
    differing = [
        *(name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)),
        *(name for name in ATTRIBUTES if old.get(name) != new.get(name)),
    ]
    if not differing:
        return None
    create_only = CreateOnly.of(new["Type"], region=region)
    forcing = _differing(create_only.always, before, after)
    # All of them: the guard wants each one named that CloudFormation names.
    causes = tuple(dict.fromkeys((*forcing, *_differing(create_only.conditionally, before, after))))
    replacement = Replacement.ALWAYS if forcing else Replacement.CONDITIONAL if causes else Replacement.NEVER
    return replace(change, replacement=replacement, properties=tuple(differing), causes=causes)


def _differing(paths: tuple[Path, ...], before: Json, after: Json) -> tuple[str, ...]:
    """The properties in which something at the paths differs."""
    found = []
    for path in paths:
        old, new = list(at(before, path)), list(at(after, path))
        found += [name for name, value in old if (name, value) not in new]
        found += [name for name, value in new if (name, value) not in old]
    return tuple(dict.fromkeys(found))


def _replaced_by_reference(
    stack: str, resources: Mapping[str, Json], changes: Mapping[str, Change], *, region: str
) -> Iterator[tuple[str, Change]]:
    replaced = {name for name, change in changes.items() if change.replacement is not Replacement.NEVER}
    for name, resource in resources.items():
        kind = resource["Type"]
        known = changes.get(name) or Change(stack=stack, logical_id=name, resource_type=kind, action=Action.MODIFY)
        if name in replaced or known.action is not Action.MODIFY:
            continue
        create_only = CreateOnly.of(kind, region=region)
        causes = tuple(
            dict.fromkeys(
                cause
                for path in (*create_only.always, *create_only.conditionally)
                for cause, value in at(resource.get("Properties", {}), path)
                if not replaced.isdisjoint(_references(value))
            )
        )
        if causes:
            properties = tuple(dict.fromkeys((*known.properties, *causes)))
            yield name, replace(known, replacement=Replacement.CONDITIONAL, properties=properties, causes=causes)


def _references(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case list():
            for item in value:
                yield from _references(item)
        case dict():
            for item in value.values():
                yield from _references(item)


def stateful_faults(changes: Sequence[Change], *, allowed: Collection[str]) -> list[str]:
    """A sentence for each stateful resource that would be lost; a renamed one says what it would be called.

    Args:
        changes: What changes, of any number of stacks.
        allowed: The losses that are wanted, as ``delivery.allowed_changes`` names them.
    """
    return faults((_renamed(loss, changes) for loss in _losses(changes)), allowed=allowed)


def _losses(changes: Sequence[Change]) -> Iterator[Loss]:
    for change in changes:
        identity = (change.stack, change.logical_id, change.resource_type)
        if change.action is Action.REMOVE:
            yield deleted(*identity)
        elif change.replacement is not Replacement.NEVER:
            yield replaced(*identity, causes=change.causes, certain=change.replacement is Replacement.ALWAYS)


def _renamed(loss: Loss, changes: Sequence[Change]) -> Loss:
    """A resource that goes while others of its type come has in all likelihood got another logical id."""
    added = [
        change.logical_id
        for change in changes
        if change.action is Action.ADD and (change.stack, change.resource_type) == (loss.stack, loss.resource_type)
    ]
    if loss.causes != (DELETE,) or not added:
        return loss
    return loss._replace(words=f"{loss.words} (it seems to be renamed to {' or '.join(added)})")
