"""The price table: on-demand prices in US dollars by region, each with its source, looked up by hand and dated."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("prices.json")


class PriceError(Exception):
    """A price that is missing or makes no sense, and where to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a unit costs.

    Args:
        what: The name it is asked by, such as ``nat-gateway-hour``.
        unit: Such as ``GB-month``.
        usd: US dollars a unit, by region.
        source: The page of AWS that states it.
        basis: Where this figure was read; the table says what each word means.
    """

    what: str
    unit: str
    usd: Mapping[str, float]
    source: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """All prices.

    Args:
        as_of: The day they are of, ``YYYY-MM-DD``.
        bases: What the bases of the prices mean.
        prices: By what they are of.
    """

    as_of: str
    bases: Mapping[str, str]
    prices: Mapping[str, Price]

    @classmethod
    def load(cls, file: Path = FILE) -> "PriceTable":
        """Reads a table.

        Raises:
            PriceError: With every fault of it.
        """
        document = json.loads(file.read_text(encoding="utf-8"))
        if faults := list(_faults(document)):
            raise PriceError("\n".join(f"{file.name}: {fault}" for fault in faults))
        prices = [Price(**row) for row in document["prices"]]
        return cls(as_of=document["as_of"], bases=document["basis"], prices={each.what: each for each in prices})

    def usd(self, what: str, *, region: str) -> float:
        """The price of a unit.

        Raises:
            PriceError: When the table does not have it.
        """
        price = self.prices.get(what)
        if price is None or region not in price.usd:
            raise PriceError(f"no price of {what} in {region}: look it up and add it to pipeline/costs/{FILE.name}.")
        return price.usd[region]


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    seen = set()
    for row in document["prices"]:
        what = row["what"]
        if what in seen:
            yield f"{what} stands there twice: leave one."
        seen.add(what)
        if not row["source"].startswith("https://aws.amazon.com/"):
            yield f"source of {what} is {row['source']!r}: give AWS's own page of it."
        if row["basis"] not in document["basis"]:
            yield f"basis of {what} is {row['basis']!r}: give one of {', '.join(document['basis'])}."
        for region, usd in row["usd"].items():
            if not usd > 0:
                yield f"price of {what} in {region} is {usd}: give US dollars above 0."
