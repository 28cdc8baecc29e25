"""Who an environment may be peered with: the one before it in the delivery, and the one after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from stages.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The neighbours of one environment.

    Args:
        earlier: Whose database it administers; None for no peering.
        following: The environment after it, whether that one peers with it or not; None where it is the last.
    """

    earlier: Environment | None
    following: Environment | None

    @classmethod
    def of(cls: type[Self], environment: Environment, environments: Sequence[Environment]) -> Self:
        """The neighbours among all environments of a delivery, in its order."""
        place = environments.index(environment)
        return cls(
            earlier=environments[place - 1] if environment.peers_with else None,
            following=environments[place + 1] if place + 1 < len(environments) else None,
        )
