"""The blocks of commands on a page of the project, which is the only place where they stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<margin> *)```(?P<marks>\S[^\n]*)\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)

DRILL, ACCOUNT = "sh drill", "sh account"
"""The marks of what a rehearsal can run, and of what needs an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: what it is marked as, and its lines without the margin of a list."""

    marks: str
    code: str


def blocks(text: str) -> Iterator[Block]:
    """Every block of a text, in its order."""
    for found in _FENCE.finditer(text):
        code = re.sub(f"^{found['margin']}", "", found["code"], flags=re.MULTILINE)
        yield Block(marks=found["marks"], code=code)
