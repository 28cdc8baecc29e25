"""Draws the platform of an environment: its primary region, what is copied to its DR region, and how others differ."""

from collections.abc import Sequence

from pictures.area import Area
from pictures.canvas import MARGIN, WIDTH, Canvas
from pictures.figures_table import differences, draw_differences, table_height
from pictures.network_picture import Ways, draw_network
from pictures.palette import REGION, REGION_INK
from pictures.platform import Platform, Store
from pictures.watch_picture import draw_recovery_watch, draw_watch

TOP = 118
"""Where the regions begin; callers and peers stand above."""
HEADER = 32
STORE, STORE_GAP = 50, 14
WATCH = 62
OUTSIDE = 48
"""What stands in the region before its VPC."""
PRIMARY_WIDTH, RECOVERY_WIDTH, VPC_WIDTH = 626, 202, 344
STORES_LEFT, STORES_WIDTH = 412, 220


def platform_picture(platforms: Sequence[Platform]) -> Canvas:
    """The picture of the last environment, with what differs in those before it."""
    shown = platforms[-1]
    stores = len(shown.stores) * (STORE + STORE_GAP)
    region = HEADER + stores + WATCH + 12
    rows = differences(platforms)
    copied = ", ".join(store.name.lower() for store in shown.stores if store.replica)
    canvas = Canvas(
        title=f"The platform of an environment, here {shown.name}",
        description=f"Clients reach the service in {shown.region} through a firewall and a load balancer. It uses a "
        f"database and the stores beside it. Copied to {shown.recovery_region}: {copied}. "
        "A table says what differs between the environments.",
        height=TOP + region + table_height(rows),
    )
    primary = Area(x=MARGIN, y=TOP, width=PRIMARY_WIDTH, height=region)
    recovery = Area(x=WIDTH - MARGIN - RECOVERY_WIDTH, y=TOP, width=RECOVERY_WIDTH, height=region)
    for area, name, role in (
        (primary, shown.region, "primary region"),
        (recovery, shown.recovery_region, "DR: copies"),
    ):
        canvas.frame(area, REGION)
        canvas.text(name, x=area.x + 12, y=area.y + 21, size=14, bold=True, ink=REGION_INK)
        canvas.text(role, x=area.right - 12, y=area.y + 21, ink=REGION_INK, anchor="end")
    first = primary.y + HEADER
    vpc = Area(x=primary.x + 12, y=first + OUTSIDE, width=VPC_WIDTH, height=stores - STORE_GAP - OUTSIDE)
    ways = draw_network(canvas, shown, vpc)
    _arrivals(canvas, shown, ways, vpc, first=first)
    _stores(canvas, shown.stores, ways, first=first, recovery=recovery)
    y = first + stores
    draw_watch(canvas, shown.watch, Area(x=primary.x + 12, y=y, width=primary.width - 24, height=WATCH))
    draw_recovery_watch(
        canvas, shown.recovery_watch, Area(x=recovery.x + 12, y=y, width=recovery.width - 24, height=WATCH)
    )
    draw_differences(canvas, platforms, rows, y=primary.bottom)
    return canvas


def _region(canvas: Canvas, area: Area, name: str, *, role: str) -> None:
    canvas.frame(area, REGION)
    canvas.text(name, x=area.x + 12, y=area.y + 21, size=14, bold=True, ink=REGION_INK)
    canvas.text(role, x=area.right - 12, y=area.y + 21, ink=REGION_INK, anchor="end")


def _arrivals(canvas: Canvas, platform: Platform, ways: Ways, vpc: Area, *, first: float) -> None:
    """Who reaches the network from outside, and whom it reaches."""
    clients = Area(x=ways.way - 55, y=54, width=110, height=38)
    canvas.box(clients, "Clients")
    way = [(ways.way, clients.bottom)]
    if platform.service.firewalls:
        firewall = Area(x=ways.way - 65, y=first, width=130, height=OUTSIDE - 18)
        canvas.box(firewall, "Web firewall")
        canvas.arrow(*way, (ways.way, firewall.y))
        way = [(ways.way, firewall.bottom)]
    canvas.arrow(*way, (ways.way, ways.balancer.y))
    if peer := platform.peer:
        ports = " and ".join(map(str, peer.ports)) or "none"
        told = Area(x=vpc.right - 24, y=54, width=MARGIN + PRIMARY_WIDTH - vpc.right + 24, height=38)
        canvas.box(told, peer.name, f"peered, database port {ports} only")
        canvas.arrow((vpc.right - 12, vpc.y), (vpc.right - 12, told.bottom))


def _stores(canvas: Canvas, stores: Sequence[Store], ways: Ways, *, first: float, recovery: Area) -> None:
    """What keeps data: what the service uses, what saves the database, and what of it is copied."""
    bus = (ways.service.right + 10 + STORES_LEFT) / 2
    for index, store in enumerate(stores):
        box = Area(x=STORES_LEFT, y=first + index * (STORE + STORE_GAP), width=STORES_WIDTH, height=STORE)
        if store.beside:
            beside = Area(x=box.right - 120, y=box.y, width=120, height=STORE)
            box = Area(x=box.x, y=box.y, width=box.width - beside.width - 24, height=STORE)
            canvas.box(beside, *store.beside)
            canvas.arrow((box.right, box.middle), (beside.x, box.middle))
        canvas.box(box, store.name, store.detail)
        if store.used:
            turns = (bus, ways.service.middle), (bus, box.middle)
            canvas.arrow((ways.service.right, ways.service.middle), *turns, (box.x, box.middle))
        if store.saves:
            canvas.arrow((ways.database.right, box.middle), (box.x, box.middle))
        if store.replica:
            replica = Area(x=recovery.x + 12, y=box.y, width=recovery.width - 24, height=STORE)
            canvas.box(replica, *store.replica)
            canvas.arrow((box.right, box.middle), (replica.x, box.middle), ink=REGION_INK)
