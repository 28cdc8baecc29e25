"""Which changes lose what a stack holds, judged as the change-set guard judges them, without an account."""

from collections.abc import Collection, Iterator, Sequence

from pipeline.changes.change import Action, Change, Replacement
from pipeline.guard_handler import DELETE, Loss, deleted, faults, replaced


def stateful_faults(changes: Sequence[Change], *, allowed: Collection[str]) -> list[str]:
    """A sentence for each stateful resource that would be lost; a renamed one says what it would be called.

    Args:
        changes: What changes, of any number of stacks.
        allowed: The losses that are wanted, as ``delivery.allowed_changes`` names them.
    """
    return faults((_renamed(loss, changes) for loss in _losses(changes)), allowed=allowed)


def _losses(changes: Sequence[Change]) -> Iterator[Loss]:
    for change in changes:
        identity = (change.stack, change.logical_id, change.resource_type)
        if change.action is Action.REMOVE:
            yield deleted(*identity)
        elif change.replacement is not Replacement.NEVER:
            yield replaced(*identity, causes=change.causes, certain=change.replacement is Replacement.ALWAYS)


def _renamed(loss: Loss, changes: Sequence[Change]) -> Loss:
    """A resource that goes while others of its type come has in all likelihood got another logical id."""
    added = [
        change.logical_id
        for change in changes
        if change.action is Action.ADD and (change.stack, change.resource_type) == (loss.stack, loss.resource_type)
    ]
    if loss.causes != (DELETE,) or not added:
        return loss
    return loss._replace(words=f"{loss.words} (it seems to be renamed to {' or '.join(added)})")
