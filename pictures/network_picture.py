"""Draws the VPC of an environment: its tiers from the internet inwards, over its zones, and what stands in them."""

from dataclasses import dataclass

from pictures.area import Area
from pictures.canvas import Canvas
from pictures.palette import ACCOUNT, MUTED, PLAIN, TIER
from pictures.platform import Platform

RAIL = 70
"""How wide the names of the tiers are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Where arrows arrive and leave.

    Args:
        way: The x of a request's way inwards.
        balancer: Where it arrives.
        service: Where it is answered.
        database: What the service works on.
    """

    way: float
    balancer: Area
    service: Area
    database: Area


def draw_network(canvas: Canvas, platform: Platform, area: Area) -> Ways:
    """The VPC of a platform, in an area."""
    network = platform.network
    canvas.frame(area, ACCOUNT)
    canvas.text("VPC", x=area.x + 10, y=area.y + 20, size=13, bold=True)
    content = Area(x=area.x + RAIL, y=area.y, width=area.width - RAIL - 10, height=area.height)
    zones = content.columns(len(network.zones), gap=12)
    for name, zone in zip(network.zones, zones, strict=True):
        zone_name = f"zone {name.removeprefix(platform.region)}"
        canvas.text(zone_name, x=zone.centre, y=area.y + 20, ink=MUTED, anchor="middle", room=zone.width)
    outer, inner = area.y + 30, area.y + 126
    innermost = inner + 82
    ends = (inner - 8, innermost - 8, area.bottom - 6)
    for tier, top, end in zip(network.tiers, (outer, inner, innermost), ends, strict=True):
        canvas.frame(Area(x=area.x + 6, y=top, width=area.width - 12, height=end - top), TIER)
        canvas.text(tier, x=area.x + 14, y=(top + end) / 2 + 4, ink=MUTED, room=RAIL - 14)

    balancer = Area(x=content.x, y=outer + 8, width=content.width, height=42)
    canvas.box(balancer, "Load balancer", " and ".join(platform.service.listeners))
    for name, zone in zip(network.zones, zones, strict=True):
        if count := network.nat_gateways.count(name):
            gateways = Area(x=zone.x, y=balancer.bottom + 8, width=zone.width, height=22)
            canvas.box(gateways, "NAT" if count == 1 else f"{count} NAT")
    service = Area(x=content.x, y=inner + 8, width=content.width, height=58)
    least, most = platform.service.tasks
    canvas.box(service, "Service", f"{least} to {most} Fargate tasks", f"each {platform.service.size}")
    database = Area(x=content.x, y=innermost + 8, width=content.width, height=ends[-1] - innermost - 16)
    _database(canvas, platform, database, zones)
    way = (zones[-2].right + zones[-1].x) / 2
    canvas.arrow((way, balancer.bottom), (way, service.y))
    canvas.arrow((way, service.bottom), (way, database.y))
    return Ways(way=way, balancer=balancer, service=service, database=database)


def _database(canvas: Canvas, platform: Platform, area: Area, zones: list[Area]) -> None:
    """The cluster over its zones, each instance in its own."""
    database = platform.database
    canvas.frame(area, PLAIN)
    canvas.text(database.engine, x=area.centre, y=area.y + 19, size=13, bold=True, anchor="middle", room=area.width - 8)
    told = f"{len(database.instances)} x {database.instance_class}"
    canvas.text(told, x=area.centre, y=area.y + 36, ink=MUTED, anchor="middle", room=area.width - 8)
    for name, zone in zip(platform.network.zones, zones, strict=True):
        roles = [role for role, place in database.instances if place == name]
        if roles:
            place = Area(x=zone.x + 6, y=area.bottom - 42, width=zone.width - 12, height=34)
            canvas.box(place, *roles)
