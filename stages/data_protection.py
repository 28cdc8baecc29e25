"""What becomes of an environment's data when its resources are deleted."""

from enum import Enum


class DataProtection(Enum):
    """What becomes of an environment's data when its resources are deleted."""

    DESTROYABLE = "destroyable"
    """Nothing is retained or protected from deletion, and buckets are emptied."""

    RETAINED = "retained"
    """Data outlives its stack: deletion protection, termination protection, RETAIN or SNAPSHOT."""
