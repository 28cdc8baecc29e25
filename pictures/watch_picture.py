"""Draws what watches over a region, and what says what stands there."""

from pictures.area import Area
from pictures.canvas import Canvas
from pictures.palette import GATE
from pictures.platform import Watch


def draw_watch(canvas: Canvas, watch: Watch, area: Area) -> None:
    """The primary region's, side by side."""
    alarms, gate, keys, manifest = area.columns(4, gap=10)
    canvas.box(alarms, _count(watch.alarms, "alarm"), _count(watch.dashboards, "dashboard"))
    if watch.gates:
        canvas.box(gate, "Gate alarm", "stops a release", paint=GATE)
    canvas.box(keys, _count(watch.keys, "key"), "customer-managed")
    canvas.box(manifest, _count(watch.manifests, "manifest"), _count(watch.parameters, "parameter"))


def draw_recovery_watch(canvas: Canvas, watch: Watch, area: Area) -> None:
    """The DR region's, in one box: it stands by itself when the primary region is gone."""
    canvas.box(
        area,
        f"{_count(watch.alarms, 'alarm')}, {_count(watch.keys, 'key')}",
        _count(watch.dashboards, "dashboard"),
        f"{_count(watch.manifests, 'manifest')}, {_count(watch.parameters, 'parameter')}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
