"""What CloudFormation will do to the resources of a stack, told from the old template and the new one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.changes.change import Action, Change, Replacement
from pipeline.changes.create_only import CreateOnly, Path, at

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
