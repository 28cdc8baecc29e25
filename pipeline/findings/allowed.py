"""A critical finding that deliveries pass until a date."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from stages.environment import SettingsError

_ID = re.compile(r"[A-Za-z]+-[A-Za-z0-9-]+")
_REASON_WORDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedFinding:
    """A finding by its id, for every image.

    Whether it has expired is checked when a release is delivered: a synthesis does not depend on the day.

    Raises:
        SettingsError: With every fault of the record.
    """

    id: str  # as the scan names it, such as CVE-2026-12345
    reason: str
    expires: str  # the day from which it is refused again, within 90 days

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(self._faults())

    def _faults(self) -> Iterator[str]:
        if not _ID.fullmatch(self.id):
            yield f"id is {self.id!r}: give the id of the finding, such as CVE-2026-12345."
        if len(self.reason.split()) < _REASON_WORDS:
            yield f"reason is {self.reason!r}: say in {_REASON_WORDS} words or more why the finding does no harm here."
        try:
            date.fromisoformat(self.expires)
        except ValueError:
            yield f"expires is {self.expires!r}: give a day within the next 90 days, such as 2026-12-31."
