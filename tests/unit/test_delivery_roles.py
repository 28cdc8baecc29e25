"""The verification role and the gate reader role: what the tooling account may do besides deploying."""

import json
from typing import Any

from payment_constructs.roles import OWN_SESSIONS
from pipeline.settings import Delivery
from stages.environment import Environment
from tests.templates import Assembly, references, statement_actions


def trusted_role(role: dict[str, Any]) -> str:
    """The ARN of the only role that may assume this one."""
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    (arn,) = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    account = arn.split(":")[4]
    assert f":iam::{account}:root" in json.dumps(statement["Principal"])
    return str(arn)


def test_the_verification_role_trusts_only_the_build_of_its_environment(
    assembly: Assembly, delivery: Delivery, environment: Environment
) -> None:
    role = assembly.role(f"{environment.name}-Payment", f"payment-verification-{environment.slug}")
    verifier = f"payment-delivery-verification-{environment.slug}"
    assert trusted_role(role) == f"arn:aws:iam::{delivery.account}:role/{verifier}"
    assert role["MaxSessionDuration"] == 3600


def test_the_verification_role_only_reads_and_writes_its_own_sessions(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    role = assembly.role(stack, f"payment-verification-{environment.slug}")
    reads = ("Describe", "Get", "Decrypt")
    for statement in assembly.role_statements(stack, role):
        assert "*" not in json.dumps([statement["Action"], statement["Resource"]])
        actions = statement_actions(statement)
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
    role = assembly.role(stack, f"payment-gate-reader-{environment.slug}")
    (statement,) = assembly.role_statements(stack, role)
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    (gate,) = references(statement["Resource"])
    assert assembly.resources(stack, "AWS::CloudWatch::Alarm")[gate]["AlarmName"] == f"payment-gate-{environment.slug}"
    (logical_id,) = references(assembly.only("PipelineStack", "AWS::CodePipeline::Pipeline")["RoleArn"])
    pipeline = assembly.resources("PipelineStack", "AWS::IAM::Role")[logical_id]["RoleName"]
    assert trusted_role(role) == f"arn:aws:iam::{delivery.account}:role/{pipeline}"
