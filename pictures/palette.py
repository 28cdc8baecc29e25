"""The colours of the pictures: one accent for gates, one for regions; each text at least 4.5:1 on its ground."""

from dataclasses import dataclass

INK = "#1f2328"
MUTED = "#57606a"
LINE = "#57606a"
CARD = "#ffffff"
REGION_INK = "#0550ae"
GATE_INK = "#7a4a00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """How a box is painted.

    Args:
        fill: Its ground.
        edge: Its border.
        ink: Its title.
    """

    fill: str
    edge: str
    ink: str = INK


PLAIN = Paint(fill=CARD, edge="#8c959f")
ACCOUNT = Paint(fill="#f6f8fa", edge="#d0d7de")
REGION = Paint(fill="#e3f2ff", edge="#6cb0f5", ink=REGION_INK)
GATE = Paint(fill="#fff3c4", edge="#d29922", ink=GATE_INK)
TIER = Paint(fill="#ffffff", edge="#d0d7de")
"""A part of a network, under the boxes that stand in it."""
