"""The one error that bad settings raise: every fault at once, before anything is synthesized."""

from collections.abc import Iterable
from typing import Self


class SettingsError(ValueError):
    """All faults found in a piece of the settings.

    Args:
        faults: One sentence each, naming the environment, the field, the bad value and the remedy.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(("The settings are not usable:", *(f"  - {fault}" for fault in self.faults))))

    @classmethod
    def raise_if_any(cls: type[Self], faults: Iterable[str]) -> None:
        """Raises one error for all the faults; returns when there is none."""
        if found := tuple(faults):
            raise cls(found)
