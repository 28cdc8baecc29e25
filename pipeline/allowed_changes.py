"""The losses of stored data that a release may cause: exactly those that the settings name."""

import re
from collections.abc import Iterator, Sequence

from stages.environment import Environment

STACKS = ("Payment", "DisasterRecovery")
ENTRY = re.compile(r"(?P<stack>[A-Za-z0-9-]+)/[A-Za-z0-9]+/[A-Za-z0-9]+")


def allowed_change_faults(entries: object, *, environments: Sequence[Environment]) -> Iterator[str]:
    """Says what is wrong with ``delivery.allowed_changes``.

    Args:
        entries: What stands there.
        environments: Whose stacks may be named.
    """
    if not isinstance(entries, list):
        yield f"delivery.allowed_changes is {entries!r}: give a list, empty while no data may be lost."
        return
    stacks = [f"{environment.name}-{stack}" for environment in environments for stack in STACKS]
    for place, entry in enumerate(entries):
        match = ENTRY.fullmatch(entry) if isinstance(entry, str) else None
        if match is None:
            yield (
                f"delivery.allowed_changes[{place}] is {entry!r}: give STACK/LOGICAL-ID/PROPERTY, or Delete in the "
                "place of the property, as the guard's message spells it."
            )
        elif match["stack"] not in stacks:
            yield (
                f"delivery.allowed_changes[{place}] is {entry!r}: there is no such stack, "
                f"the stacks are {', '.join(stacks)}."
            )
        elif entry in entries[:place]:
            yield f"delivery.allowed_changes[{place}] is {entry!r} once more: give it once."
