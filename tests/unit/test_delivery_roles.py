"""The verification role and the gate reader role: what the tooling account may do besides deploying."""

import json
from typing import Any

from payment_constructs.monitoring.gate import GATE_ALARMS
from payment_constructs.roles import OWN_SESSIONS
from pipeline.bootstrap.permissions import LONGEST
from pipeline.settings import Delivery
from stages.environment import Environment
from tests.conftest import CHECKOUT
from tests.policy.authority import ResolvedTemplate
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


def test_the_release_recorder_may_write_one_parameter_that_no_stack_owns(
    assembly: Assembly, delivery: Delivery, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    role = assembly.role(stack, f"payment-release-recorder-{environment.slug}")
    (statement,) = assembly.role_statements(stack, role)
    name = f"/payment/{environment.slug}/verified-release"
    assert statement["Action"] == "ssm:PutParameter"
    assert statement["Resource"] == f"arn:aws:ssm:{environment.dr_region}:{environment.account}:parameter{name}"
    verifier = f"payment-delivery-verification-{environment.slug}"
    assert trusted_role(role) == f"arn:aws:iam::{delivery.account}:role/{verifier}"
    # A stack would set it back to the value of its template.
    for each in assembly.stacks:
        assert name not in {one.get("Name") for one in assembly.resources(each, "AWS::SSM::Parameter").values()}


def test_the_gate_reader_role_may_only_describe_the_gate_alarms(
    assembly: Assembly, delivery: Delivery, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    role = assembly.role(stack, f"payment-gate-reader-{environment.slug}")
    (statement,) = assembly.role_statements(stack, role)
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    alarms = assembly.resources(stack, "AWS::CloudWatch::Alarm")
    assert {alarms[gate]["AlarmName"] for gate in references(statement["Resource"])} == {
        f"payment-{gate}-{environment.slug}" for gate in GATE_ALARMS
    }
    (logical_id,) = references(assembly.only("PipelineStack", "AWS::CodePipeline::Pipeline")["RoleArn"])
    pipeline = assembly.resources("PipelineStack", "AWS::IAM::Role")[logical_id]["RoleName"]
    assert trusted_role(role) == f"arn:aws:iam::{delivery.account}:role/{pipeline}"


def test_no_access_point_reaches_the_artifacts(assembly: Assembly, delivery: Delivery) -> None:
    for stack in ("PipelineStack", f"PipelineArtifacts-{delivery.dr_region}"):
        buckets = assembly.resources(stack, "AWS::S3::Bucket")
        (denied,) = (
            bucket
            for policy in assembly.resources(stack, "AWS::S3::BucketPolicy").values()
            for statement in policy["PolicyDocument"]["Statement"]
            if statement.get("Condition") == {"Null": {"s3:DataAccessPointArn": "false"}}
            and (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", {"AWS": "*"})
            for bucket in references(policy["Bucket"])
        )
        assert "-artifacts-" in buckets[denied]["BucketName"], f"{stack}: the policies of people name no access point"


def test_the_policies_of_people_fit_into_a_managed_policy(assembly: Assembly, delivery: Delivery) -> None:
    template = assembly.template("PipelineStack")
    stack = ResolvedTemplate(template, stack="PipelineStack", account=delivery.account, region=delivery.primary_region)
    for _, policy in stack.of_type("AWS::IAM::ManagedPolicy"):
        size = len(json.dumps(policy["PolicyDocument"], separators=(",", ":")))
        assert size <= LONGEST - 500, f"shorten it, since the names of builds get a suffix: {policy.get('Description')}"


NAMES = {
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SSM::Parameter": "Name",
}


def test_decision_0010_lists_the_names_that_exclude_a_second_delivery(assembly: Assembly, delivery: Delivery) -> None:
    record = (CHECKOUT / "docs/decisions/0010-one-delivery-per-tooling-account.md").read_text(encoding="utf-8")
    general = {delivery.account: "ACCOUNT", delivery.primary_region: "REGION", delivery.dr_region: "REGION"}
    general |= {
        f"{kind}-{environment.slug}": f"{kind}-ENVIRONMENT"
        for environment in delivery.environments
        for kind in ("verification", "plan")
    }
    found = [
        resource[field]
        for stack in ("PipelineStack", f"PipelineArtifacts-{delivery.dr_region}")
        for kind, field in NAMES.items()
        for resource in assembly.resources(stack, kind).values()
        if field in resource
    ]
    assert found
    for name in found:
        for value, word in general.items():
            name = name.replace(value, word)  # noqa: PLW2901
        assert f"`{name}`" in record, f"a second delivery would collide at {name}: list it in decision 0010"
