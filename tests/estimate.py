"""The dated estimate of an environment's monthly cost, as decision 0009 states it."""

import re
from math import ceil

from tests.conftest import CHECKOUT

PAGE = CHECKOUT / "docs" / "decisions" / "0009-cost-settings.md"


def least_budget_usd(name: str, *, frugal: bool) -> int | None:
    """The estimate of an environment for 744 hours plus 20 %; None for one that the page does not estimate."""
    text = PAGE.read_text(encoding="utf-8").replace("*", "")
    columns, figures = (
        [cell.strip() for cell in re.findall(rf"^\| {row} \|(.*)\|$", text, re.MULTILINE)[0].split("|")]
        for row in ("Service family", "With every cost setting" if frugal else "Total")
    )
    estimate = dict(zip(columns, figures, strict=True)).get(name)
    return ceil(int(estimate.replace(",", "")) * 744 / 730 * 1.2) if estimate else None
