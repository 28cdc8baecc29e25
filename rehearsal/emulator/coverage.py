"""What an emulator says of itself: the types it carries out, those it only writes down, what it cannot show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

EMULATED = "emulated"
RECORDED = "recorded only"
NOT_SUPPORTED = "not supported"


class Treatment(NamedTuple):
    """What happens to resources of one type; the note says what is missing, and is empty where nothing is."""

    kind: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Every resource type falls into one of three classes; one that the emulator has never heard of into the last."""

    types: Mapping[str, Treatment]
    not_proved: tuple[str, ...]

    @classmethod
    def from_json(cls, page: Mapping[str, Any]) -> Self:
        """Read the server's page."""
        types = {name: Treatment(**treatment) for name, treatment in page["types"].items()}
        return cls(types=types, not_proved=tuple(page["not_proved"]))

    def __getitem__(self, resource_type: str) -> Treatment:
        if resource_type.startswith("Custom::"):
            return Treatment(kind=EMULATED, note="")
        return self.types.get(
            resource_type,
            Treatment(kind=NOT_SUPPORTED, note="a template with it is refused before anything is created"),
        )
