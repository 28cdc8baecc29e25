"""The steps of the runbooks: their headings of the third level with their blocks of commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal import RehearsalError, blocks

PAGES = tuple(Path("docs", name) for name in ("point-in-time-recovery.md", "disaster-recovery.md"))
"""In the order in which the drill runs them."""
DRILL, ACCOUNT = "sh drill", "sh account"  # the marks of blocks that the drill runs, and of those that need an account


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the runbook."""

    title: str
    commands: tuple[str, ...]  # blocks that the drill runs
    manual: tuple[str, ...]  # blocks that need an account


def read_all(checkout: Path) -> list[Step]:
    """The steps of all pages, in order."""
    return [step for page in PAGES for step in read(checkout / page)]


def read(page: Path) -> list[Step]:
    """The steps of a page; a block of another kind is an error, so that none is skipped unnoticed."""
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
            manual=tuple(block.code for block in found if block.marks == ACCOUNT),
        )
