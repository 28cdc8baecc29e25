"""Permissions that a template grants, and denials and boundaries that it removes.

Covers every policy document of every resource: roles, managed policies, keys, buckets, queues, topics, secrets, vaults,
endpoints. What cannot be compared counts as broader.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from pipeline.plan.template import Json, as_list, as_text, still_exists, target

_ATTACHMENTS = ("Bucket", "Queues", "Topics", "SecretId", "Roles", "Users", "Groups")
_UNKNOWN = ""  # the target of a policy that names none; it counts as existing


def broadened_permissions(*, before: Json, after: Json) -> list[str]:
    """A line for each permission that is new or wider, and for each denial or permissions boundary that is lost."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    allowed = _allowed(old)
    gained = [each for each in _allowed(new) if not any(known.covers(each) for known in allowed)]
    lost = _lost_denials(old, new)
    return [*_lines(gained, "may now"), *_lines(lost, "is no longer denied"), *_attachments(old, new)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One action on one resource for one principal."""

    holder: str  # the logical id of the resource with the policy
    effect: str
    action: str  # such as s3:GetObject; "not ..." for a NotAction
    resource: str  # an ARN as in the template; "not ..." for a NotResource
    principal: str  # empty in an identity policy
    condition: str  # as JSON; empty without one

    def covers(self, other: "Statement") -> bool:
        """Whether the statement includes the other one. A negated value includes only itself."""
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
    """Every statement of every policy document in the properties of a resource of any type."""
    for document in _documents(resource.get("Properties", {})):
        for statement in as_list(document["Statement"]):
            yield from _split(holder, statement)


def _documents(value: Any) -> Iterator[Json]:
    if isinstance(value, Mapping) and "Statement" in value:
        yield value
    elif isinstance(value, (Mapping, list)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _documents(inner)


def _split(holder: str, statement: Json) -> Iterator[Statement]:
    condition = statement.get("Condition")
    for action, resource, principal in product(
        _values(statement, "Action"), _values(statement, "Resource") or [""], _principals(statement) or [""]
    ):
        yield Statement(
            holder=holder,
            effect=statement.get("Effect", "Allow"),
            action=action,
            resource=resource,
            principal=principal,
            condition=json.dumps(condition, sort_keys=True) if condition else "",
        )


def _values(statement: Json, key: str) -> list[str]:
    """The values of a key or of its negation."""
    if f"Not{key}" in statement:
        return [f"not {' or '.join(map(as_text, as_list(statement[f'Not{key}'])))}"]
    return [as_text(value) for value in as_list(statement.get(key, []))]


def _principals(statement: Json) -> list[str]:
    if "NotPrincipal" in statement:
        return [f"not {json.dumps(statement['NotPrincipal'], sort_keys=True)}"]
    principal = statement.get("Principal", {})
    if not isinstance(principal, Mapping) or "Ref" in principal:
        return [as_text(principal)]
    return [as_text(value) for values in principal.values() for value in as_list(values)]


def _allowed(resources: Json) -> list[Statement]:
    found = dict.fromkeys(each for name, resource in resources.items() for each in statements(name, resource))
    return [each for each in found if each.effect == "Allow"]


def _lost_denials(old: Json, new: Json) -> list[Statement]:
    """The denials that are gone, narrower or attached to fewer resources, if such a resource still exists."""
    now = list(_denials(new))
    lost = (
        denial
        for denial, attached in _denials(old)
        if still_exists(attached, holder=denial.holder, old=old, new=new)
        and not any(known.covers(denial) and attached in (_UNKNOWN, where) for known, where in now)
    )
    return list(dict.fromkeys(lost))


def _denials(resources: Json) -> Iterator[tuple[Statement, str]]:
    for name, resource in resources.items():
        for statement in statements(name, resource):
            if statement.effect != "Allow":
                for attached in _attached_to(name, resources):
                    yield statement, attached


def _attached_to(name: str, resources: Json) -> list[str]:
    """The targets of a policy, which name the policy or are named by it; a resource with a policy is its own target."""
    if not resources[name]["Type"].endswith("Policy"):
        return [name]
    properties = resources[name].get("Properties", {})
    named = [target(value) for key in _ATTACHMENTS for value in as_list(properties.get(key, []))]
    naming = [
        other
        for other, resource in resources.items()
        if name in map(target, as_list(resource.get("Properties", {}).get("ManagedPolicyArns", [])))
    ]
    return [*named, *naming] or [_UNKNOWN]


def _lines(found: list[Statement], verb: str) -> Iterator[str]:
    """One line for all actions of the same holder, principal, resource and condition."""
    actions: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for each in found:
        actions[each.holder, each.principal, each.resource, each.condition].add(each.action)
    for (holder, principal, resource, condition), names in sorted(actions.items()):
        who = f"{holder}: {principal}" if principal else holder
        on = f" on {resource}" if resource else ""
        under = f", under the condition {condition}" if condition else ""
        yield f"{who} {verb} {', '.join(sorted(names))}{on}{under}"


def _attachments(old: Json, new: Json) -> Iterator[str]:
    """Policies that are newly attached, permissions boundaries that differ, and new function permissions."""
    for name, resource in new.items():
        properties, known = resource.get("Properties", {}), old.get(name, {}).get("Properties", {})
        for key in ("ManagedPolicyArns", "Roles", "Users", "Groups"):
            if resource["Type"].startswith("AWS::IAM::"):
                for value in properties.get(key, []):
                    if value not in known.get(key, []):
                        yield f"{name} gets {key} {as_text(value)}"
        if "PermissionsBoundary" in known and properties.get("PermissionsBoundary") != known["PermissionsBoundary"]:
            yield f"{name} has another permissions boundary, or none: {as_text(properties.get('PermissionsBoundary'))}"
        if resource["Type"] == "AWS::Lambda::Permission" and properties != known:
            yield f"{name}: {as_text(properties.get('Principal'))} may now {properties.get('Action')}"
