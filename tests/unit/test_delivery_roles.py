"""What the tooling account may do in an environment besides deploying it: two roles, each of one use and one user."""

import json
from typing import Any

import pytest

from payment_constructs.roles import OWN_SESSIONS
from pipeline.settings import Delivery
from stages.environment import Environment
from tests.templates import Assembly, references


@pytest.fixture(params=["Dev", "Staging", "Prod"])
def environment(request: pytest.FixtureRequest, delivery: Delivery) -> Environment:
    return next(each for each in delivery.environments if each.name == request.param)


def named(assembly: Assembly, stack: str, name: str) -> dict[str, Any]:
    (role,) = (role for role in assembly.resources(stack, "AWS::IAM::Role").values() if role.get("RoleName") == name)
    return dict(role)


def statements_of(assembly: Assembly, stack: str, role: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of the one managed policy that a role has."""
    (policy,) = references(role["ManagedPolicyArns"])
    document = assembly.resources(stack, "AWS::IAM::ManagedPolicy")[policy]["PolicyDocument"]
    assert "Policies" not in role
    return list(document["Statement"])


def trusted(role: dict[str, Any]) -> str:
    """The one role that may take this one on."""
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    (arn,) = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    account = arn.split(":")[4]
    assert f":iam::{account}:root" in json.dumps(statement["Principal"])
    return str(arn)


def test_the_verification_role_trusts_only_the_build_of_its_environment(
    assembly: Assembly, delivery: Delivery, environment: Environment
) -> None:
    role = named(assembly, f"{environment.name}-Payment", f"payment-verification-{environment.slug}")
    verifier = f"payment-delivery-verification-{environment.slug}"
    assert trusted(role) == f"arn:aws:iam::{delivery.account}:role/{verifier}"
    assert role["MaxSessionDuration"] == 3600


def test_the_verification_role_only_reads_and_writes_its_own_sessions(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    role = named(assembly, stack, f"payment-verification-{environment.slug}")
    reads = ("Describe", "Get", "Decrypt")
    for statement in statements_of(assembly, stack, role):
        assert "*" not in json.dumps([statement["Action"], statement["Resource"]])
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        if any(action.startswith("dynamodb:") for action in actions):
            own = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert own == [OWN_SESSIONS]
        else:
            assert all(action.split(":")[1].startswith(reads) for action in actions)
        if any(action.startswith("kms:") for action in actions):
            services = statement["Condition"]["StringEquals"]["kms:ViaService"]
            assert services == [
                f"dynamodb.{region}.amazonaws.com" for region in (environment.primary_region, environment.dr_region)
            ]


def test_the_gate_reader_role_may_only_describe_the_gate_alarm(
    assembly: Assembly, delivery: Delivery, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    role = named(assembly, stack, f"payment-gate-reader-{environment.slug}")
    (statement,) = statements_of(assembly, stack, role)
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    (gate,) = references(statement["Resource"])
    assert assembly.resources(stack, "AWS::CloudWatch::Alarm")[gate]["AlarmName"] == f"payment-gate-{environment.slug}"
    (logical_id,) = references(assembly.only("PipelineStack", "AWS::CodePipeline::Pipeline")["RoleArn"])
    pipeline = assembly.resources("PipelineStack", "AWS::IAM::Role")[logical_id]["RoleName"]
    assert trusted(role) == f"arn:aws:iam::{delivery.account}:role/{pipeline}"
