"""Every alarm has a runbook in docs/operations.md, and every runbook has an alarm."""

import ast
import re

from payment_constructs.monitoring.targets import PAGING
from tests.alarms import alarms, runbook
from tests.conftest import CHECKOUT
from tests.templates import Assembly

OPERATIONS = CHECKOUT / "docs" / "operations.md"


FAULTS = re.compile("unblock-|repeat-|budget-")
"""Runbooks beside the procedures that they belong to."""


def sections(chapter: str) -> dict[str, str]:
    """The text of each section of a chapter of docs/operations.md by the anchor of its heading."""
    _, text = OPERATIONS.read_text(encoding="utf-8").split(f"\n## {chapter}\n")
    text = text.split("\n## ")[0]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-"): body
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def runbooks() -> dict[str, str]:
    """The runbooks of the alarms."""
    return sections("Runbooks")


def faults() -> dict[str, str]:
    """The runbooks of everything that no alarm of an environment reports."""
    others = sections("Cost") | sections("Delivery")
    return sections("Faults without an alarm") | {name: each for name, each in others.items() if FAULTS.match(name)}


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
    for anchor, body in (runbooks() | faults()).items():
        parts = re.findall(r"^\*\*(\w[\w ]*)\*\*", body, flags=re.MULTILINE)
        assert parts == ["Means", "First look", "Do"], (
            f"docs/operations.md#{anchor}: write the paragraphs **Means**, **First look** and **Do**, in this order"
        )


def test_every_paging_runbook_exists() -> None:
    assert set(runbooks()) >= PAGING, "remove it from PAGING in payment_constructs/monitoring/targets.py"


def test_each_fault_that_stops_deliveries_or_payments_has_a_runbook() -> None:
    demanded = {
        "approval-expired",
        "certificate-expiry",
        "connection-pending-or-revoked",
        "database-failover",
        "fargate-quota",
        "firewall-blocks-payments",
        "image-with-critical-findings",
        "key-disabled",
        "mailbox-unsubscribed",
        "processing-dead-letters",
        "registry-outage",
        "repeat-a-failed-first-deployment",
        "rotation-overdue",
        "security-control-changed",
        "unblock-an-environments-stack",
        "wrong-or-lost-data",
    }
    assert demanded <= {*runbooks(), *faults()}


def test_no_runbook_restarts_tasks_by_a_canary_alone() -> None:
    for anchor, body in (runbooks() | faults()).items():
        assert "--force-new-deployment" not in body, f"{anchor}: link to #restart-the-tasks, which also stops tasks"
        assert not re.search(r"(?i)force a new deployment|(?<!\[)restart the tasks", body), (
            f"{anchor}: link to #restart-the-tasks"
        )


def test_no_page_sends_the_reader_to_performance_insights() -> None:
    for page in (CHECKOUT / "docs").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "Performance Insights" not in text, f"{page.name}: its pages are in CloudWatch Database Insights now"
