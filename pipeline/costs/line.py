"""A line of an estimate, and the resources of a template that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.costs.price_table import PriceTable
from pipeline.costs.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """What something costs a month.

    Args:
        group: What people call it, such as ``NAT gateways``.
        region: Where it is billed.
        what: The price's name in the table.
        usd: US dollars a month.
    """

    group: str
    region: str
    what: str
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A stack that is being priced.

    Args:
        template: Its template.
        region: Where it stands.
        table: The prices.
        usage: How much it is used.
    """

    template: Mapping[str, Any]
    region: str
    table: PriceTable
    usage: Usage

    def of(self, resource_type: str) -> list[Mapping[str, Any]]:
        """The properties of all resources of a type."""
        resources = self.template.get("Resources", {}).values()
        return [resource.get("Properties", {}) for resource in resources if resource["Type"] == resource_type]

    def line(self, group: str, what: str, quantity: float, *, region: str | None = None) -> CostLine:
        """So many units at the table's price, in the stack's own region unless another is named.

        Raises:
            PriceError: When the table does not have the price.
        """
        place = region or self.region
        usd = quantity * self.table.usd(what, region=place)
        return CostLine(group=group, region=place, what=what, usd=usd)
