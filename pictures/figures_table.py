"""The table below the platform: the figures in which the environments differ, and no others."""

from collections.abc import Callable, Mapping, Sequence

from pictures.area import Area
from pictures.canvas import MARGIN, WIDTH, Canvas
from pictures.palette import ACCOUNT, MUTED
from pictures.platform import Platform

ROW = 22
FIRST_COLUMN = 230


def _peer(platform: Platform) -> str:
    if platform.peer is None:
        return "none"
    return f"{platform.peer.name}, port {' and '.join(map(str, platform.peer.ports)) or 'none'}"


FIGURES: Mapping[str, Callable[[Platform], str]] = {
    "Tasks of the service": lambda platform: "{} to {}".format(*platform.service.tasks),
    "Size of a task": lambda platform: platform.service.size,
    "Instances of the database": lambda platform: (
        f"{len(platform.database.instances)} x {platform.database.instance_class}"
    ),
    "Database restorable for": lambda platform: platform.recoverable,
    "Audit log locked for": lambda platform: platform.audit_lock,
    "NAT gateways": lambda platform: str(len(platform.network.nat_gateways)),
    "Addresses": lambda platform: platform.network.cidr,
    "Reaches a database of": _peer,
    "Stacks and data": lambda platform: "protected, retained" if platform.protected else "may be destroyed",
}
"""What may differ, each with how it is told."""


def differences(platforms: Sequence[Platform]) -> dict[str, list[str]]:
    """The figures that are not the same everywhere, one for each environment."""
    told = {name: [figure(platform) for platform in platforms] for name, figure in FIGURES.items()}
    return {name: values for name, values in told.items() if len(set(values)) > 1}


def table_height(rows: Mapping[str, Sequence[str]]) -> float:
    """How much room the table takes, with what surrounds it."""
    return 34 + ROW * (len(rows) + 1) + MARGIN if rows else MARGIN


def draw_differences(
    canvas: Canvas, platforms: Sequence[Platform], rows: Mapping[str, Sequence[str]], *, y: float
) -> None:
    """The table, below y."""
    if not rows:
        return
    area = Area(x=MARGIN, y=y + 22, width=WIDTH - 2 * MARGIN, height=ROW * (len(rows) + 1) + 12)
    canvas.frame(area, ACCOUNT)
    width = (area.width - FIRST_COLUMN) / len(platforms)
    names = [platform.name for platform in platforms]
    for index, (title, values) in enumerate({"What differs": names, **rows}.items()):
        foot = area.y + 22 + ROW * index
        canvas.text(
            title, x=area.x + 12, y=foot, bold=not index, ink=MUTED if index else "#1f2328", room=FIRST_COLUMN - 12
        )
        for column, value in enumerate(values):
            canvas.text(value, x=area.x + FIRST_COLUMN + column * width, y=foot, bold=not index, room=width - 4)
