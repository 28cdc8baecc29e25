"""The steps of docs/disaster-recovery.md: its headings of the third level with their blocks of commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal import RehearsalError, blocks

PAGE = Path("docs", "disaster-recovery.md")
DRILL, ACCOUNT = "sh drill", "sh account"  # the marks of blocks that the drill runs, and of those that need an account


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the runbook."""

    title: str
    commands: tuple[str, ...]  # blocks that the drill runs
    manual: tuple[str, ...]  # blocks that need an account


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
