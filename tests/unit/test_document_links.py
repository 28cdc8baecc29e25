"""Links between documents, and from code to documents, point to existing files and headings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

CODE_FOLDERS = ("payment_constructs", "pipeline", "stages", "tests/integration", "tools")
PAGES = sorted(
    page
    for pages in (CHECKOUT.glob("*.md"), *((CHECKOUT / folder).rglob("*.md") for folder in ("docs", "tools")))
    for page in pages
)
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`]+`")
LINK = re.compile(r"\]\((?!https?://|mailto:)(?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
MENTION = re.compile(r"\b(?P<file>docs/[\w/.-]+\.md)(?:#(?P<anchor>[a-z0-9-]+))?")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub generates for the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(text: str, *, pattern: re.Pattern[str], base: Path, page: Path) -> Iterator[str]:
    """The broken links of a text."""
    for found in pattern.finditer(text):
        target = base / found["file"] if found["file"] else page
        if not target.exists():
            yield f"{found[0]}: there is no such file"
        elif found["anchor"] and found["anchor"] not in anchors(target):
            yield f"{found[0]}: that page has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_of_a_page_resolves(page: Path) -> None:
    text = INLINE_CODE.sub("`code`", BLOCK.sub("", page.read_text(encoding="utf-8")))
    found = list(broken(text, pattern=LINK, base=page.parent, page=page))
    assert not found, f"correct these links in {page.relative_to(CHECKOUT)}, or the headings that they name: {found}"


@pytest.mark.parametrize("folder", CODE_FOLDERS)
def test_every_page_that_the_code_names_exists(folder: str) -> None:
    for module in (CHECKOUT / folder).rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        found = list(broken(text, pattern=MENTION, base=CHECKOUT, page=module))
        assert not found, f"correct these names of pages in {module.relative_to(CHECKOUT)}: {found}"


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading's title\n", encoding="utf-8")
    text = "[a](page.md#one-headings-title) [b](page.md#other) [c](missing.md) [d](#one-headings-title)"
    assert list(broken(text, pattern=LINK, base=tmp_path, page=page)) == [
        "](page.md#other): that page has no such heading",
        "](missing.md): there is no such file",
    ]
