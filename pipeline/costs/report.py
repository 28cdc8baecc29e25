"""The estimate as people read it: a table for each environment, regions beside each other, and what would lower it."""

from collections.abc import Mapping

from rich.table import Table

from pipeline.costs.estimate import Estimate

LEVERS = {
    "Database": "database_instance_class, or db.serverless with database_capacity",
    "Interface endpoints": "endpoint_zones",
    "NAT gateways": "nat_gateways",
    "Tasks": "min_tasks, spot",
}
"""The settings of an environment that lower a group; docs/decisions/0009 says what each gives up."""

_DEAREST = 3


def table(name: str, cost: Estimate) -> Table:
    """An environment's groups by region, with their total against the budget."""
    regions = cost.regions
    caption = "" if cost.budget_usd is None else f"budget {cost.budget_usd:,.0f}, {cost.usd / cost.budget_usd:.0%} used"
    shown = Table(title=f"{name}, USD a month", caption=caption, title_justify="left", caption_justify="left")
    shown.add_column("")
    for heading in (*regions, "Together"):
        shown.add_column(heading, justify="right")
    shown.add_column("Lever")
    by_region = [cost.in_region(region).by_group() for region in regions]
    groups = cost.by_group()
    for position, (group, usd) in enumerate(groups.items()):
        lever = LEVERS.get(group, "") if position < _DEAREST else ""
        shown.add_row(group, *(_amount(each.get(group, 0)) for each in by_region), _amount(usd), lever)
    shown.add_section()
    shown.add_row("Total", *(_amount(cost.in_region(region).usd) for region in regions), _amount(cost.usd), "")
    return shown


def with_levers(costs: Mapping[str, tuple[Estimate, Estimate]]) -> Table:
    """Each environment as it is set, and with every lever that it has room for."""
    shown = Table(title="With every lever that an environment has room for, USD a month", title_justify="left")
    for heading in ("", "As set", "With every lever", "Saved"):
        shown.add_column(heading, justify="left" if not heading else "right")
    for name, (as_set, frugal) in costs.items():
        shown.add_row(name, _amount(as_set.usd), _amount(frugal.usd), _amount(as_set.usd - frugal.usd))
    return shown


def _amount(usd: float) -> str:
    return f"{usd:,.0f}" if round(usd) else "-"
