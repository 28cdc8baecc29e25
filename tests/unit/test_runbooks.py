"""Every alarm has a runbook in docs/operations.md, and every runbook has an alarm."""

import ast
import re

from payment_constructs.monitoring.targets import PAGING
from tests.alarms import alarms, runbook
from tests.conftest import CHECKOUT
from tests.templates import Assembly

OPERATIONS = CHECKOUT / "docs" / "operations.md"


def runbooks() -> dict[str, str]:
    """The text of each runbook in docs/operations.md by the anchor of its heading."""
    _, text = OPERATIONS.read_text(encoding="utf-8").split("\n## Runbooks\n")
    text = text.split("\n## ")[0]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): body
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def test_every_deployed_alarm_has_a_runbook(assembly: Assembly) -> None:
    anchors = {runbook(alarm) for stack in assembly.stacks for alarm in alarms(assembly.template(stack)).values()}
    assert len(anchors) > 10
    missing = sorted(str(anchor) for anchor in anchors - set(runbooks()))
    assert missing == [], f"add a heading for each of {missing} to docs/operations.md, section Runbooks"


def runbooks_in_code() -> set[str]:
    """The runbook anchors in the code, also of constructs that no stack uses."""
    found = set()
    packages = ("payment_constructs", "pipeline")
    for module in (module for package in packages for module in (CHECKOUT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "runbook" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


def test_every_alarm_construct_has_a_runbook_and_every_runbook_an_alarm() -> None:
    missing, unused = runbooks_in_code() - set(runbooks()), set(runbooks()) - runbooks_in_code()
    assert not missing, f"add a heading for each of {sorted(missing)} to docs/operations.md, section Runbooks"
    assert not unused, f"remove these runbooks from docs/operations.md, or pass runbook= to an alarm: {sorted(unused)}"


def test_every_runbook_has_means_first_look_and_do() -> None:
    for anchor, body in runbooks().items():
        parts = re.findall(r"^\*\*(\w[\w ]*)\*\*", body, flags=re.MULTILINE)
        assert parts == ["Means", "First look", "Do"], (
            f"docs/operations.md#{anchor}: write the paragraphs **Means**, **First look** and **Do**, in this order"
        )


def test_every_paging_runbook_exists() -> None:
    assert set(runbooks()) >= PAGING, "remove it from PAGING in payment_constructs/monitoring/targets.py"
