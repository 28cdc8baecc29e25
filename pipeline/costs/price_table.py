"""The price table: on-demand prices in US dollars by region, each with its source, looked up by hand and dated."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("prices.json")


class PriceError(Exception):
    """A price that is missing or makes no sense, and where to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a unit costs in a region.

    Args:
        what: The name it is asked by, such as ``nat-gateway-hour``.
        region: Where.
        unit: Such as ``GB-month``.
        usd: US dollars a unit.
        source: The page of AWS that states it.
        basis: How this figure came here; the table says what each word means.
        as_of: The day it is of, ``YYYY-MM-DD``.
    """

    what: str
    region: str
    unit: str
    usd: float
    source: str
    basis: str
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """All prices.

    Args:
        bases: What the bases of the prices mean.
        prices: By what they are of, and region.
    """

    bases: Mapping[str, str]
    prices: Mapping[tuple[str, str], Price]

    @classmethod
    @cache
    def load(cls, file: Path = FILE) -> "PriceTable":
        """Reads a table.

        Raises:
            PriceError: With every fault of it.
        """
        document = json.loads(file.read_text(encoding="utf-8"))
        prices = [Price(**row) for row in document["prices"]]
        if faults := list(_faults(prices, bases=document["basis"])):
            raise PriceError("\n".join(f"{file.name}: {fault}" for fault in faults))
        return cls(bases=document["basis"], prices={(each.what, each.region): each for each in prices})

    def usd(self, what: str, *, region: str) -> float:
        """The price of a unit.

        Raises:
            PriceError: When the table does not have it.
        """
        price = self.prices.get((what, region))
        if price is None:
            raise PriceError(f"no price of {what} in {region}: look it up and add it to pipeline/costs/{FILE.name}.")
        return price.usd


def _faults(prices: Sequence[Price], *, bases: Mapping[str, str]) -> Iterator[str]:
    for (what, region), count in Counter((price.what, price.region) for price in prices).items():
        if count > 1:
            yield f"{what} in {region} stands there {count} times: leave one."
    for price in prices:
        where = f"{price.what} in {price.region}"
        if not price.source.startswith("https://aws.amazon.com/"):
            yield f"source of {where} is {price.source!r}: give AWS's own page of it."
        if price.basis not in bases:
            yield f"basis of {where} is {price.basis!r}: give one of {', '.join(bases)}."
        if not re.fullmatch(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", price.as_of):
            yield f"as_of of {where} is {price.as_of!r}: give the day it was looked up, as 2026-08-21."
        if not price.usd > 0:
            yield f"usd of {where} is {price.usd}: give US dollars above 0."
