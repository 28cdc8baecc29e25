"""The errors of a rehearsal, by what the user has to do about them."""

from collections.abc import Iterable, Set


class RehearsalError(Exception):
    """The rehearsal could not be carried out: wrong usage, wrong configuration or a missing tool."""


class DeliveryError(Exception):
    """The delivery failed, as it would have on AWS, or it needs something that a rehearsal does not have."""


class ApprovalPending(Exception):  # noqa: N818 - a state, and no error
    """The delivery reached a manual approval that is not going to be answered in this run."""


def check_known(found: Iterable[str], known: Set[str], where: str) -> None:
    """Refuse keys that a rehearsal would otherwise ignore."""
    if unknown := set(found) - known:
        raise DeliveryError(f"A rehearsal does not know {', '.join(sorted(unknown))} {where}.")
