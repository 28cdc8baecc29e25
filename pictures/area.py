"""Where something is drawn, and how wide a text becomes there."""

from dataclasses import dataclass

_NARROW = frozenset("iIjl.,:;|!'() -ftr/")
_WIDE = frozenset("mwMW@%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A rectangle; x to the right and y down, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    @property
    def centre(self) -> float:
        """Half-way between left and right."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """Half-way between top and bottom."""
        return self.y + self.height / 2

    def meets(self, other: "Area") -> bool:
        """Whether the two have more than an edge in common; a line meets what it passes through."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def columns(self, count: int, *, gap: float) -> list["Area"]:
        """The area cut into columns of one width."""
        width = (self.width - gap * (count - 1)) / count
        return [
            Area(x=self.x + index * (width + gap), y=self.y, width=width, height=self.height) for index in range(count)
        ]


def text_width(text: str, *, size: float, bold: bool = False) -> float:
    """At most so many pixels wide, also in DejaVu Sans, the widest of the fonts that a page may fall back to."""
    ems = sum(0.42 if letter in _NARROW else 0.98 if letter in _WIDE else 0.64 for letter in text)
    capitals = sum(letter.isupper() for letter in text)
    return (ems + 0.08 * capitals) * size * (1.1 if bold else 1.0)
