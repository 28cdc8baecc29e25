"""The pages name no region that the settings decide, and say whose environments they name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import botocore
import pytest

from tests.conftest import CHECKOUT
from tests.sample import sample_settings

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/operations.md",
    "docs/disaster-recovery.md",
    "docs/point-in-time-recovery.md",
)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
VALUE = r"(?:\b[A-Z_]+=|[:.])(?:{})\b"
"""A region as the value of a variable, or inside an ARN or the name of an image."""


def regions() -> Iterator[str]:
    """Every region, by its code and its place, such as us-west-2 and Oregon."""
    endpoints = json.loads((Path(botocore.__file__).parent / "data" / "endpoints.json").read_text(encoding="utf-8"))
    for code, region in endpoints["partitions"][0]["regions"].items():
        yield code
        place = region["description"].rpartition("(")[2].removesuffix(")")
        yield from {place} - {"N. California", "N. Virginia"}


REGIONS = "|".join(map(re.escape, regions()))


def named(page: str) -> Iterator[str]:
    """The lines of a page that name a region where the settings decide it."""
    text = re.sub(r"Asia/Singapore|\]\([^)]*\)", "", page)
    commands = re.sub(VALUE.format(REGIONS), "", "\n".join(FENCED.findall(text)))
    for line in (FENCED.sub("", text) + "\n" + commands).splitlines():
        if re.search(rf"\b(?:{REGIONS})\b", line):
            yield line.strip()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_no_region_that_the_settings_decide(page: str) -> None:
    found = list(named((CHECKOUT / page).read_text(encoding="utf-8")))
    assert found == [], f"{page}: write the primary region or the DR region, and a variable in commands"


@pytest.mark.parametrize(
    ("text", "faulty"),
    [
        ("The stack is in us-west-2.", True),
        ("The stack is in Oregon.", True),
        ("```sh\naws sqs list-queues --region us-west-2\n```\n", True),
        ("```sh\nexport RECOVERY=us-west-2\naws sqs list-queues --region $RECOVERY\n```\n", False),
        ('```json\n"arn:aws:sns:us-west-2:444444444444:tickets"\n```\n', False),
    ],
)
def test_a_planted_region_is_found(text: str, faulty: bool) -> None:
    assert bool(list(named(text))) is faulty


def test_the_readme_says_which_environments_the_pages_name() -> None:
    *others, last = sample_settings()["environments"]
    text = " ".join((CHECKOUT / "README.md").read_text(encoding="utf-8").split())
    assert f"this page and `docs/` call the environments {', '.join(others)} and {last}, as shipped" in text
