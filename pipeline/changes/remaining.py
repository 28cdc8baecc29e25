"""What a resource was attached to, and whether it is still there without that resource."""

from collections.abc import Mapping
from typing import Any

from pipeline.changes.statements import spelled

Json = Mapping[str, Any]

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
