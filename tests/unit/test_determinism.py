"""Determinism: two syntheses of one commit are byte-identical, those of two commits but for the release."""

import os
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from pipeline.settings import Delivery
from stages.environment import Environment
from stages.payment_stage import PaymentStage
from tests.synthesized import synthesize_as_a_user
from tests.templates import Assembly


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*.json")
        # The construct tree and the report contain local paths; CloudFormation does not deploy them.
        if path.name not in ("tree.json", "validation-report.json") and not path.name.endswith(".metadata.json")
    }


def test_two_syntheses_are_byte_identical(assembly: Assembly, context: dict[str, Any], tmp_path: Path) -> None:
    other_machine = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # the CDK unpacks its runtime there once
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "USER": "other",
        "PYTHONHASHSEED": "42",
    }
    synthesize_as_a_user(tmp_path / "out", context=context, environment=other_machine, validate=False)
    first, second = files(assembly.directory), files(tmp_path / "out")
    assert len(first) > 20
    assert first.keys() == second.keys()
    different = [name for name in first if first[name] != second[name]]
    assert different == [], f"remove what depends on time, user, locale or set order from {different}"


def stacks(context: dict[str, Any], environment: Environment, *, release: str) -> dict[str, dict[str, Any]]:
    """The template of each stack of an environment, with the stack's tags."""
    stage = PaymentStage(
        cdk.App(context=context, analytics_reporting=False),
        environment.name,
        environment=environment,
        tooling_account=environment.account,
        release=release,
    )
    return {
        stack.stack_name: {**Template.from_stack(stack).to_json(), "Tags": stack.tags.tag_values()}
        for stack in (stage.recovery, stage.payment)
    }


def test_another_release_changes_its_parameters_and_nothing_else(context: dict[str, Any], delivery: Delivery) -> None:
    environment = delivery.environments[-1]
    first, second = (stacks(context, environment, release=release) for release in ("one", "two"))
    path = f"/payment/{environment.slug}"
    for stack, template in first.items():
        for name, resource in template["Resources"].items():
            if resource.get("Properties", {}).get("Name") in {f"{path}/release", f"{path}/manifest"}:
                second[stack]["Resources"][name]["Properties"]["Value"] = resource["Properties"]["Value"]
    assert first == second, "put the release into its parameters only: CloudFormation changes what names it"
