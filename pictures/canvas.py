"""A picture that is being drawn: boxes, words that must fit, arrows; written as SVG without fonts or scripts."""

from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

from pictures.area import Area, text_width
from pictures.palette import ACCOUNT, CARD, INK, LINE, MUTED, PLAIN, Paint

FONTS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
MARGIN = 20
WIDTH = 900
"""About what a README is shown at."""

Point = tuple[float, float]


class Canvas:
    """A picture; a white card, so that it reads on light pages and dark ones.

    Args:
        title: What it shows; its heading, and its name for those who cannot see it.
        description: The same in two or three sentences.
        height: Its height in pixels.

    Attributes:
        boxes: What no line may pass through and no other box may cover.
        labels: The places of its words.
        lines: Every straight piece of an arrow.
        words: All that it says.
    """

    def __init__(self, *, title: str, description: str, height: float) -> None:
        self.boxes: list[Area] = []
        self.labels: list[Area] = []
        self.lines: list[Area] = []
        self.words: list[str] = []
        self._root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {WIDTH} {_number(height)}",
                "width": str(WIDTH),
                "height": _number(height),
                "role": "img",
                "aria-labelledby": "title description",
                "font-family": FONTS,
            },
        )
        ET.SubElement(self._root, "title", id="title").text = title
        ET.SubElement(self._root, "desc", id="description").text = description
        self._rectangle(Area(x=0.5, y=0.5, width=WIDTH - 1, height=height - 1), Paint(fill=CARD, edge=ACCOUNT.edge))
        self.text(title, x=MARGIN, y=36, size=20, bold=True)

    def frame(self, area: Area, paint: Paint) -> None:
        """A ground that other things stand on; lines may pass over it."""
        self._rectangle(area, paint)

    def box(self, area: Area, title: str, *details: str, paint: Paint = PLAIN) -> None:
        """A thing: its title, smaller where it is long, and its details in lines of their own below, in its middle."""
        self._rectangle(area, paint)
        self.boxes.append(area)
        room = area.width - 8
        heading = 13 if text_width(title, size=13, bold=True) <= room else 11
        lines = 1 + len(details)
        y = area.middle - (lines - 1) * 8.5 + 4
        for index, line in enumerate((title, *details)):
            self.text(
                line,
                x=area.centre,
                y=y + 17 * index,
                size=12 if index else heading,
                bold=not index,
                ink=MUTED if index and paint is PLAIN else paint.ink,
                anchor="middle",
                room=room,
            )

    def text(
        self,
        words: str,
        *,
        x: float,
        y: float,
        size: float = 12,
        bold: bool = False,
        ink: str = INK,
        anchor: str = "start",
        room: float = WIDTH - 2 * MARGIN,
    ) -> None:
        """Words in one line, their foot at y.

        Raises:
            ValueError: Where they might be wider than the room, in pixels.
        """
        width = text_width(words, size=size, bold=bold)
        if width > room:
            raise ValueError(f"{words!r} may become {width:.0f} pixels wide, and has {room:.0f}: say it shorter.")
        left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
        self.labels.append(Area(x=left, y=y - size * 0.8, width=width, height=size))
        self.words.append(words)
        attributes = {"x": _number(x), "y": _number(y), "font-size": _number(size), "fill": ink}
        attributes |= {"text-anchor": anchor} if anchor != "start" else {}
        attributes |= {"font-weight": "600"} if bold else {}
        ET.SubElement(self._root, "text", attributes).text = words

    def arrow(self, *points: Point, ink: str = LINE, head: bool = True) -> None:
        """A line over points, its pieces level or upright; it ends in a head, unless it only leads to others."""
        for (x, y), (to_x, to_y) in pairwise(points):
            self.lines.append(Area(x=min(x, to_x), y=min(y, to_y), width=abs(to_x - x), height=abs(to_y - y)))
        path = "M" + " L".join(f"{_number(x)} {_number(y)}" for x, y in points)
        ET.SubElement(self._root, "path", {"d": path, "fill": "none", "stroke": ink, "stroke-width": "1.6"})
        if head:
            ET.SubElement(self._root, "polygon", {"points": _head(points), "fill": ink})

    def person(self, *, x: float, y: float, ink: str) -> None:
        """A head and shoulders, their middle at x and y."""
        ET.SubElement(self._root, "circle", {"cx": _number(x), "cy": _number(y - 6), "r": "5", "fill": ink})
        shoulders = f"M{_number(x - 10)} {_number(y + 12)} a10 10 0 0 1 20 0 z"
        ET.SubElement(self._root, "path", {"d": shoulders, "fill": ink})

    def svg(self) -> str:
        """The picture as the text of a file."""
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _rectangle(self, area: Area, paint: Paint) -> None:
        place = {"x": area.x, "y": area.y, "width": area.width, "height": area.height, "rx": 6.0}
        attributes = {name: _number(value) for name, value in place.items()}
        ET.SubElement(self._root, "rect", attributes | {"fill": paint.fill, "stroke": paint.edge})


def _head(points: Sequence[Point]) -> str:
    (x, y), (to_x, to_y) = points[-2:]
    along_x, along_y = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
    foot_x, foot_y = to_x - 8 * along_x, to_y - 8 * along_y
    corners = (
        (to_x, to_y),
        (foot_x + 4.5 * along_y, foot_y + 4.5 * along_x),
        (foot_x - 4.5 * along_y, foot_y - 4.5 * along_x),
    )
    return " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
