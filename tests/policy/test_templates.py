"""The templates pass cfn-lint and keep below the limits of CloudFormation."""

import json
import subprocess
from collections import Counter

import pytest

from pipeline.settings import Delivery
from tests.templates import Assembly

MOST_RESOURCES = 250
"""CloudFormation allows 500; a smaller stack is easier to understand and faster to deploy."""


@pytest.fixture(scope="session")
def findings(live_assembly: Assembly, live_delivery: Delivery) -> Counter[str]:
    """The number of cfn-lint findings in all templates, by level and rule."""
    templates = [str(stack.template) for stack in live_assembly.stacks.values()]
    regions = (live_delivery.primary_region, live_delivery.dr_region)
    run = subprocess.run(  # noqa: S603 - the linter of requirements.txt
        ["cfn-lint", "--format", "json", "--regions", *regions, "--", *templates],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(run.stdout)
    return Counter(f"{finding['Level']}: {finding['Rule']['Id']}" for finding in found)


def test_the_linter_finds_no_error(findings: Counter[str]) -> None:
    assert [rule for rule in findings if rule.startswith("Error")] == []


def test_the_linter_reads_the_templates(findings: Counter[str]) -> None:
    # The CDK writes a redundant DependsOn for some functions; a linter that reads nothing does not warn about it.
    assert "Warning: W3005" in findings


def test_every_stack_has_fewer_resources_than_the_limit(assembly: Assembly, delivery: Delivery) -> None:
    sizes = {name: len(assembly.template(name)["Resources"]) for name in assembly.stacks}
    assert {f"{environment.name}-Payment" for environment in delivery.environments} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size >= MOST_RESOURCES} == {}
