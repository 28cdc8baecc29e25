"""The change-set guard in the synthesized pipeline: its position, its parameters and its permissions."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2

import pipeline.plan.__main__ as planning
from pipeline import pipeline_stack
from pipeline.findings.allowed import AllowedFinding
from pipeline.findings.scan import ALLOWED_FINDINGS
from pipeline.guard import handler
from pipeline.guard.losses import ALLOWED
from pipeline.settings import Delivery
from stages.environment import SettingsError
from stages.payment_stage import PaymentStage
from tests.alarms import templates_by_region, uncovered
from tests.synthesized import synthesize_small
from tests.templates import Assembly, statement_actions


def guards(stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The user parameters and run order of each guard action of a stage, by stack."""
    actions = [action for action in stage["Actions"] if action["ActionTypeId"]["Provider"] == "Lambda"]
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
    assert all(len(action["Configuration"]["UserParameters"]) <= 1000 for action in actions)
    parameters = [
        json.loads(action["Configuration"]["UserParameters"]) | {"run_order": action["RunOrder"]} for action in actions
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
        for stack, checked in guards(stage).items():
            prepared, executed = orders[stack, "CHANGE_SET_REPLACE"], orders[stack, "CHANGE_SET_EXECUTE"]
            assert prepared["RunOrder"] < checked["run_order"] < executed["RunOrder"]
            assert checked["change_set"] == executed["Configuration"]["ChangeSetName"]
            assert checked["role"] == f"arn:aws:iam::{environment.account}:role/payment-plan-{environment.slug}"
            assert checked["region"] == prepared.get("Region", environment.primary_region)
            assert checked["execution"] == "#{codepipeline.PipelineExecutionId}"
            alarm = f"payment-deployment-{environment.slug}" if stack.endswith("-Payment") else None
            assert checked.get("alarm") == alarm


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


def test_the_guard_may_only_assume_roles_read_its_execution_and_report(assembly: Assembly) -> None:
    functions = assembly.resources("PipelineStack", "AWS::Lambda::Function")
    (function,) = (name for name in functions if name.startswith("Guard"))
    policies = assembly.resources("PipelineStack", "AWS::IAM::ManagedPolicy")
    (policy,) = (policy for name, policy in policies.items() if name.startswith("Guard"))
    actions = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement_actions(statement)}
    assert {action for action in actions if not action.startswith(("logs:", "kms:", "sns:"))} == {
        "sts:AssumeRole",
        "codepipeline:GetPipelineExecution",
        "codepipeline:PutJobSuccessResult",
        "codepipeline:PutJobFailureResult",
    }
    assert "ZipFile" in functions[function]["Code"]


def test_what_is_allowed_is_in_its_template_and_not_in_the_pipeline(
    context: dict[str, Any], delivery: Delivery, tmp_path: Path
) -> None:
    finding = AllowedFinding(id="CVE-2026-1", reason="It is not reachable from outside", expires="2026-12-31")
    allowing = replace(
        delivery, allowed_changes=("Dev-Payment/DataSessionsTable0/KeySchema",), allowed_findings=(finding,)
    )
    plain, named = (
        synthesize_small(tmp_path / name, context=context, delivery=each)
        for name, each in (("plain", delivery), ("named", allowing))
    )
    metadata = {stack: named.template(stack).pop("Metadata", {}) for stack in named.stacks}
    findings = {stack: found.get(ALLOWED_FINDINGS) for stack, found in metadata.items() if stack.endswith("-Payment")}
    assert list(findings.values()) == [[asdict(finding)]] * len(findings)
    changes = {stack: found.get(ALLOWED) for stack, found in metadata.items()}
    assert changes.pop("Dev-Payment") == list(allowing.allowed_changes)
    assert not any(changes.values())
    for stack in plain.stacks:
        plain.template(stack).pop("Metadata", None)
        assert named.template(stack) == plain.template(stack), "allow a change without a change of the pipeline"


@pytest.mark.parametrize(("name", "shifts"), [("Dev", False), ("Staging", True), ("Prod", True)])
def test_the_guard_knows_what_ecs_shifts_and_which_alarm_it_watches(
    assembly: Assembly, name: str, shifts: bool
) -> None:
    template = assembly.template(f"{name}-Payment")
    (service,) = assembly.resources(f"{name}-Payment", "AWS::ECS::Service").values()
    (stage,) = (stage for stage in assembly.pipeline_stages() if stage["Name"] == name)
    watched = service["DeploymentConfiguration"]["Alarms"]["AlarmNames"]
    assert watched == [guards(stage)[f"{name}-Payment"]["alarm"]], "name the alarm of the ECS deployment in the guard"
    kinds = [
        sorted({template["Resources"][each]["Type"].split("::")[-1] for each in found})
        for found in handler.shifted(template).values()
    ]
    assert kinds == ([["ListenerRule", "TargetGroup"]] if shifts else [])
    assert all(len(found) == 3 for found in handler.shifted(template).values())
