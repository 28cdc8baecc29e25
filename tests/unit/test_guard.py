"""The change-set guard in the synthesized pipeline: its position, its parameters and its permissions."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2

import pipeline.plan.__main__ as planning
from pipeline import pipeline_stack
from pipeline.settings import Delivery, load_delivery
from stages.environment import SettingsError
from stages.payment_stage import PaymentStage
from tests.alarms import templates_by_region, uncovered
from tests.conftest import CHECKOUT
from tests.synthesized import synthesize_small
from tests.templates import Assembly, statement_actions


def guards(stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The user parameters and run order of each guard action of a stage, by stack."""
    parameters = [
        json.loads(action["Configuration"]["UserParameters"]) | {"run_order": action["RunOrder"]}
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "Lambda"
    ]
    return {each["stack"]: each for each in parameters}


def test_the_guard_checks_every_change_set_before_its_execution(assembly: Assembly, delivery: Delivery) -> None:
    stages = {stage["Name"]: stage for stage in assembly.pipeline_stages()}
    for environment in delivery.environments:
        stage = stages[environment.name]
        orders = {
            (action["Configuration"]["StackName"], action["Configuration"]["ActionMode"]): action
            for action in stage["Actions"]
            if action["ActionTypeId"]["Provider"] == "CloudFormation"
        }
        stacks = {stack for stack, _ in orders}
        assert guards(stage).keys() == stacks
        assert len(stacks) == 2
        for stack, guard in guards(stage).items():
            prepared, executed = orders[stack, "CHANGE_SET_REPLACE"], orders[stack, "CHANGE_SET_EXECUTE"]
            assert prepared["RunOrder"] < guard["run_order"] < executed["RunOrder"]
            assert guard["change_set"] == executed["Configuration"]["ChangeSetName"]
            assert guard["role"].startswith(f"arn:aws:iam::{environment.account}:role/cdk-hnb659fds-lookup-role-")
            assert guard["region"] == prepared.get("Region", environment.primary_region)


class ExtendedStage(PaymentStage):
    """An environment with a stack that a team added, in the region of its settings."""

    region = "ap-southeast-1"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        extra = cdk.Stack(self, "Extra", env=cdk.Environment(account=self.account, region=self.region))
        ec2.CfnNatGateway(extra, "Unwatched", subnet_id="subnet-0123456789abcdef0", connectivity_type="private")


def test_a_stack_that_a_team_adds_to_a_stage_is_guarded_planned_and_needs_alarms(
    context: dict[str, Any], delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_stack, "PaymentStage", ExtendedStage)
    assembly = synthesize_small(tmp_path, context=context, delivery=delivery)
    (stage,) = (stage for stage in assembly.pipeline_stages() if stage["Name"] == "Dev")
    assert guards(stage).keys() == {"Dev-DisasterRecovery", "Dev-Payment", "Dev-Extra"}
    assert [each for each in uncovered(templates_by_region(assembly, "Dev")) if "Unwatched" in each]
    monkeypatch.setattr(planning, "deployed", lambda *_arguments, **_options: None)
    assert "Dev-Extra" in [stack.name for stack in planning.make_plan("Dev", assembly=tmp_path).stacks]


def test_a_stack_in_a_region_that_the_guard_cannot_read_is_refused(
    context: dict[str, Any], delivery: Delivery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_stack, "PaymentStage", ExtendedStage)
    monkeypatch.setattr(ExtendedStage, "region", "eu-west-1")
    with pytest.raises(SettingsError, match="Dev-Extra is in eu-west-1, where the guard reads no change set"):
        synthesize_small(tmp_path, context=context, delivery=delivery)


def test_the_guard_may_only_assume_roles_and_report_results(assembly: Assembly) -> None:
    functions = assembly.resources("PipelineStack", "AWS::Lambda::Function")
    (guard,) = (name for name in functions if name.startswith("Guard"))
    policies = assembly.resources("PipelineStack", "AWS::IAM::ManagedPolicy")
    (policy,) = (policy for name, policy in policies.items() if name.startswith("Guard"))
    actions = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement_actions(statement)}
    assert {action for action in actions if not action.startswith(("logs:", "kms:", "sns:"))} == {
        "sts:AssumeRole",
        "codepipeline:PutJobSuccessResult",
        "codepipeline:PutJobFailureResult",
    }
    assert "ZipFile" in functions[guard]["Code"]


def test_an_allowed_change_is_passed_only_to_the_guard_of_its_stack(context: dict[str, Any], tmp_path: Path) -> None:
    entry = "Dev-Payment/DataSessionsTable0/KeySchema"
    allowing = load_delivery(context["delivery"] | {"allowed_changes": [entry]}, release="unreleased")
    stages = synthesize_small(tmp_path, context=context, delivery=allowing).pipeline_stages()
    allowed = {stack: each["allowed"] for stage in stages for stack, each in guards(stage).items()}
    assert allowed.pop("Dev-Payment") == [entry]
    assert not any(allowed.values())


def test_too_many_allowed_changes_are_refused_without_a_traceback(context: dict[str, Any], tmp_path: Path) -> None:
    entries = [f"Dev-Payment/{'Table' * 10}{number}/KeySchema" for number in range(20)]
    settings = context | {"delivery": context["delivery"] | {"allowed_changes": entries}}
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=CHECKOUT,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps(settings), "CDK_OUTDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    *_, first, fault = run.stderr.splitlines()
    assert first == "The settings are invalid:"
    assert fault.startswith("  - delivery.allowed_changes names more changes of Dev-Payment than")
    assert fault.endswith("deliver them in several releases.")
