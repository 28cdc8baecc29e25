"""What a template permits that the one before did not.

Every policy document of every resource counts: of roles, managed policies, keys, buckets, queues, topics, secrets,
vaults, endpoints. What cannot be compared counts as broader.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from pipeline.changes.denials import lost_denials
from pipeline.changes.statements import Statement, spelled, statements

Json = Mapping[str, Any]


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
