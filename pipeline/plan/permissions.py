"""What a template permits that the one before did not.

Every policy document of every resource counts: of roles, managed policies, keys, buckets, queues, topics, secrets,
vaults, endpoints. What cannot be compared counts as broader.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
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


_RETAINED = ("Retain", "RetainExceptOnCreate")


def named(value: Any) -> str:
    """The logical id that a value refers to; the value itself, in one line, where it refers to none."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case _:
            return spelled(value)


def remains(protected: str, *, holder: str, old: Json, new: Json) -> bool:
    """Whether what a resource protected is there afterwards, so that its protection can be missed.

    What no template names is taken to be there. A resource that is retained stays without what was attached to it, but
    keeps its own properties.

    Args:
        protected: As ``named`` tells it.
        holder: The logical id of the resource that protected it, perhaps itself.
        old: The resources that stand.
        new: The resources that come.
    """
    if protected in new or protected not in old:
        return True
    return protected != holder and old[protected].get("DeletionPolicy") in _RETAINED


_ATTACHED = ("Bucket", "Queues", "Topics", "SecretId", "Roles", "Users", "Groups")
_UNKNOWN = ""
"""The place of a policy that does not say what it is attached to; such a place never goes."""


def lost_denials(*, old: Json, new: Json) -> list[Statement]:
    """The denials that are gone, narrower or attached to less, unless what they were attached to goes as well.

    Args:
        old: The resources that stand.
        new: The resources that come.
    """
    now = list(_denials(new))
    lost = (
        denial
        for denial, place in _denials(old)
        if remains(place, holder=denial.holder, old=old, new=new)
        and not any(known.covers(denial) and place in (_UNKNOWN, where) for known, where in now)
    )
    return list(dict.fromkeys(lost))


def _denials(resources: Json) -> Iterator[tuple[Statement, str]]:
    for name, resource in resources.items():
        for statement in statements(name, resource):
            if statement.effect != "Allow":
                for place in _places(name, resources):
                    yield statement, place


def _places(name: str, resources: Json) -> list[str]:
    """What a policy is attached to, from either side; the policy among a resource's own properties is about itself."""
    if not resources[name]["Type"].endswith("Policy"):
        return [name]
    properties = resources[name].get("Properties", {})
    there = [named(value) for key in _ATTACHED for value in listed(properties.get(key, []))]
    back = [
        other
        for other, resource in resources.items()
        if name in map(named, listed(resource.get("Properties", {}).get("ManagedPolicyArns", [])))
    ]
    return [*there, *back] or [_UNKNOWN]


def broadened_permissions(*, before: Json, after: Json) -> list[str]:
    """A line for each permission that is new or wider, each denial that is lost, each lost boundary.

    Args:
        before: The template that stands.
        after: The template that comes.
    """
    old, new = before.get("Resources", {}), after.get("Resources", {})
    allowed = _allowed(old)
    gained = [each for each in _allowed(new) if not any(known.covers(each) for known in allowed)]
    lost = lost_denials(old=old, new=new)
    return [*_told(gained, "may now"), *_told(lost, "is no longer denied"), *_attachments(old, new)]


def _allowed(resources: Json) -> list[Statement]:
    found = dict.fromkeys(each for name, resource in resources.items() for each in statements(name, resource))
    return [each for each in found if each.effect == "Allow"]


def _told(found: list[Statement], words: str) -> Iterator[str]:
    """One line for all actions that are about the same."""

    def about(statement: Statement) -> tuple[str, str, str, str]:
        return statement.holder, statement.principal, statement.resource, statement.condition

    for (holder, principal, resource, condition), same in groupby(sorted(found, key=about), key=about):
        actions = ", ".join(sorted({statement.action for statement in same}))
        who = f"{holder}: {principal}" if principal else holder
        on = f" on {resource}" if resource else ""
        under = f", under the condition {condition}" if condition else ""
        yield f"{who} {words} {actions}{on}{under}"


def _attachments(old: Json, new: Json) -> Iterator[str]:
    """Policies that somebody gets, functions that somebody may call, and boundaries that fall."""
    for name, resource in new.items():
        properties, known = resource.get("Properties", {}), old.get(name, {}).get("Properties", {})
        for key in ("ManagedPolicyArns", "Roles", "Users", "Groups"):
            if resource["Type"].startswith("AWS::IAM::"):
                for value in properties.get(key, []):
                    if value not in known.get(key, []):
                        yield f"{name} gets {key} {spelled(value)}"
        if "PermissionsBoundary" in known and properties.get("PermissionsBoundary") != known["PermissionsBoundary"]:
            yield f"{name} has another permissions boundary, or none: {spelled(properties.get('PermissionsBoundary'))}"
        if resource["Type"] == "AWS::Lambda::Permission" and properties != known:
            yield f"{name}: {spelled(properties.get('Principal'))} may now {properties.get('Action')}"
