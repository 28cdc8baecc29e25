"""The denials of a template, each with what it protects or whom it binds, and which of them are lost."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.changes.remaining import named, remains
from pipeline.changes.statements import Statement, listed, statements

Json = Mapping[str, Any]

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
