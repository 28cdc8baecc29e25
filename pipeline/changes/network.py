"""What a template opens in the network that the one before kept closed, and which protection it takes away."""

from collections.abc import Mapping
from typing import Any

from pipeline.changes.openings import openings
from pipeline.changes.protections import protections
from pipeline.changes.remaining import remains

Json = Mapping[str, Any]


def broadened_network(*, before: Json, after: Json) -> list[str]:
    """A line for each way that is newly open, and for each protection that is gone from what remains.

    Args:
        before: The template that stands.
        after: The template that comes.
    """
    old, new = before.get("Resources", {}), after.get("Resources", {})
    known, kept = set(openings(old)), set(protections(new))
    lost = [
        each
        for each in protections(old)
        if each not in kept and remains(each.protected, holder=each.holder, old=old, new=new)
    ]
    return [
        *(line for line in openings(new) if line not in known),
        *(f"{each.holder} {each.words}: no longer" for each in lost),
    ]
