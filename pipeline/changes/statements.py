"""The statements of the policies in a template, taken apart until each says one thing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One action on one resource for one principal.

    Args:
        holder: The logical id of the resource whose property the policy is.
        effect: Allow or Deny.
        action: Such as ``s3:GetObject``; with ``not `` before it where a NotAction excludes it.
        resource: An ARN in the words of the template; with ``not `` before it where a NotResource excludes it.
        principal: Who, in a policy of a resource; empty in a policy of an identity.
        condition: The condition as JSON; empty without one.
    """

    holder: str
    effect: str
    action: str
    resource: str
    principal: str
    condition: str

    def covers(self, other: "Statement") -> bool:
        """Whether it says at least as much; what is excluded by name is only ever like itself."""
        same = (self.holder, self.effect, self.condition) == (other.holder, other.effect, other.condition)
        return same and all(
            ours == theirs or (not ours.startswith("not ") and fnmatchcase(theirs, ours))
            for ours, theirs in (
                (self.action.lower(), other.action.lower()),
                (self.resource, other.resource),
                (self.principal, other.principal),
            )
        )


def statements(holder: str, resource: Json) -> Iterator[Statement]:
    """Every statement of every policy document among a resource's properties, whatever the resource is."""
    for document in _documents(resource.get("Properties", {})):
        for statement in listed(document["Statement"]):
            yield from _taken_apart(holder, statement)


def _documents(value: Any) -> Iterator[Json]:
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield value
        else:
            for inner in value.values():
                yield from _documents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _documents(inner)


def _taken_apart(holder: str, statement: Json) -> Iterator[Statement]:
    condition = statement.get("Condition")
    for action in _either(statement, "Action"):
        for resource in _either(statement, "Resource") or [""]:
            for principal in _principals(statement) or [""]:
                yield Statement(
                    holder=holder,
                    effect=statement.get("Effect", "Allow"),
                    action=action,
                    resource=resource,
                    principal=principal,
                    condition=json.dumps(condition, sort_keys=True) if condition else "",
                )


def _either(statement: Json, key: str) -> list[str]:
    """The values of a key or of its negation."""
    if f"Not{key}" in statement:
        return [f"not {' or '.join(map(spelled, listed(statement[f'Not{key}'])))}"]
    return [spelled(value) for value in listed(statement.get(key, []))]


def _principals(statement: Json) -> list[str]:
    if "NotPrincipal" in statement:
        return [f"not {json.dumps(statement['NotPrincipal'], sort_keys=True)}"]
    named = statement.get("Principal", {})
    if not isinstance(named, Mapping) or "Ref" in named:
        return [spelled(named)]
    return [spelled(value) for values in named.values() for value in listed(values)]


def listed(value: Any) -> list[Any]:
    """A value of a template as a list, where one and several are spelled differently."""
    return value if isinstance(value, list) else [value]


def spelled(value: Any) -> str:
    """A value of a template in one line."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(spelled, parts))
        case _:
            return json.dumps(value, sort_keys=True)
