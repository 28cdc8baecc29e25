"""The runbook as a program: the steps of docs/disaster-recovery.md in their order, with what can be run of each.

The page is the only place where the commands stand, so that it can't drift from what was rehearsed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rehearsal.blocks import ACCOUNT, DRILL, blocks
from rehearsal.errors import RehearsalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A heading of the third level and its blocks."""

    title: str
    commands: tuple[str, ...]  # run by the drill
    by_hand: tuple[str, ...]  # need an account


def read(page: Path) -> list[Step]:
    """The steps of a page; a block of any other kind is refused, because nobody would know whether it was rehearsed."""
    return list(_steps(page.read_text(encoding="utf-8"), name=page.name))


def _steps(text: str, *, name: str) -> Iterator[Step]:
    _, *parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        found = list(blocks(body))
        for block in found:
            if block.marks not in (DRILL, ACCOUNT):
                raise RehearsalError(
                    f"{name}, {title}: a block is marked '{block.marks}': write '{DRILL}' where the drill can run it, "
                    f"'{ACCOUNT}' where it cannot.\n{block.code}"
                )
        yield Step(
            title=title,
            commands=tuple(block.code for block in found if block.marks == DRILL),
            by_hand=tuple(block.code for block in found if block.marks == ACCOUNT),
        )
