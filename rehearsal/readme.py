"""The commands that the README has a team run once in each account: a rehearsal runs them from there."""

import re
from pathlib import Path

from rehearsal.assembly import Environment
from rehearsal.blocks import blocks
from rehearsal.errors import DeliveryError

_PLACEHOLDERS = re.compile(r"TOOLING=\d{12}; ACCOUNT=\d{12}")


def bootstrap_commands(readme: Path, *, tooling: str, places: list[Environment]) -> str:
    """The block that makes the permissions of an account and bootstraps its regions.

    Args:
        readme: The page.
        tooling: The account to trust.
        places: The regions of one account that have to be bootstrapped.

    Raises:
        DeliveryError: When the page has no such block, or forgets a region.
    """
    codes = (block.code for block in blocks(readme.read_text(encoding="utf-8")))
    found = [code for code in codes if "cdk bootstrap" in code and _PLACEHOLDERS.search(code)]
    if len(found) != 1:
        raise DeliveryError(
            f"{readme.name} has {len(found)} blocks that bootstrap an account (TOOLING=...; ACCOUNT=...)."
        )
    if forgotten := [place.region for place in places if f"aws://$ACCOUNT/{place.region}" not in found[0]]:
        raise DeliveryError(f"{readme.name} does not bootstrap {', '.join(forgotten)}: add it there.")
    return _PLACEHOLDERS.sub(f"TOOLING={tooling}; ACCOUNT={places[0].account}", found[0])
