"""One resource of one stack that a commit adds, changes or removes."""

from dataclasses import dataclass
from enum import Enum


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
