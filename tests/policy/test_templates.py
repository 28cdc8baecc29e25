"""What AWS's own linter and CloudFormation's limits say of the templates."""

import json
import subprocess
from collections import Counter

import pytest

from pipeline.settings import Delivery
from tests.templates import Assembly

MOST_RESOURCES = 200
"""CloudFormation takes 500; a stack that is to be understood, and deployed in minutes, has fewer."""


@pytest.fixture(scope="session")
def findings(assembly: Assembly) -> Counter[str]:
    """What cfn-lint says of every template, by its level."""
    templates = [str(stack.template) for stack in assembly.stacks.values()]
    run = subprocess.run(  # noqa: S603 - the linter of requirements.txt
        ["cfn-lint", "--format", "json", "--regions", "ap-southeast-1", "us-west-2", "--", *templates],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(run.stdout)
    return Counter(f"{finding['Level']}: {finding['Rule']['Id']}" for finding in found)


def test_the_linter_finds_no_error(findings: Counter[str]) -> None:
    assert [rule for rule in findings if rule.startswith("Error")] == []


def test_the_linter_did_look(findings: Counter[str]) -> None:
    # The CDK writes a dependency twice where a role stands before its function; without a look there were no finding.
    assert "Warning: W3005" in findings


def test_every_stack_is_small_enough_to_be_understood(assembly: Assembly, delivery: Delivery) -> None:
    sizes = {name: len(assembly.template(name)["Resources"]) for name in assembly.stacks}
    assert {f"{environment.name}-Payment" for environment in delivery.environments} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size >= MOST_RESOURCES} == {}
