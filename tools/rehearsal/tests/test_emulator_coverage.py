"""The coverage page, and the resources that are only recorded."""

from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.emulator.process import EMULATED, NOT_SUPPORTED, RECORDED
from stacks import ACCOUNT, PRIMARY, delete, deploy

TARGET: dict[str, Any] = {
    "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
    "Properties": {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/payments/api",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1,
        "MaxCapacity": 5,
    },
}
REPOSITORY: dict[str, Any] = {"Type": "AWS::CodeCommit::Repository", "Properties": {"RepositoryName": "payments"}}


@pytest.mark.parametrize(
    ("resource_type", "kind"),
    [
        ("AWS::SQS::Queue", EMULATED),
        ("AWS::EC2::NatGateway", EMULATED),
        ("AWS::CodePipeline::Pipeline", EMULATED),
        ("Custom::BucketEmptier", EMULATED),
        ("AWS::ApplicationAutoScaling::ScalableTarget", RECORDED),
        ("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", RECORDED),
        ("AWS::Chatbot::SlackChannelConfiguration", RECORDED),
        ("AWS::Route53::HealthCheck", RECORDED),
        ("AWS::Route53::RecordSet", RECORDED),
        ("AWS::Route53Resolver::FirewallRuleGroupAssociation", RECORDED),
        ("AWS::Imaginary::Thing", NOT_SUPPORTED),
    ],
)
def test_a_type_is_emulated_recorded_or_not_supported(emulator: Emulator, resource_type: str, kind: str) -> None:
    assert emulator.coverage()[resource_type].kind == kind


def test_a_type_that_is_not_emulated_has_a_note(emulator: Emulator) -> None:
    coverage = emulator.coverage()
    assert not [name for name, (kind, note) in coverage.types.items() if kind != EMULATED and not note]
    assert coverage["AWS::Imaginary::Thing"].note
    assert any(line.startswith("IAM: ") for line in coverage.not_proved)


def test_a_recorded_resource_is_listed_until_its_deletion(emulator: Emulator) -> None:
    made = deploy(emulator, "Recorded", {"Target": TARGET}, outputs={"Target": {"Ref": "Target"}})
    assert made["Target"] == "service/payments/api|ecs:service:DesiredCount|ecs"
    assert {
        "Account": ACCOUNT,
        "Region": PRIMARY,
        "Type": TARGET["Type"],
        "PhysicalId": made["Target"],
        "Properties": TARGET["Properties"],
    } in emulator.recorded()
    delete(emulator, "Recorded")
    assert made["Target"] not in {each["PhysicalId"] for each in emulator.recorded()}


def test_an_update_of_a_recorded_resource_keeps_its_attributes(emulator: Emulator) -> None:
    outputs = {"Name": {"Fn::GetAtt": ["Repository", "Name"]}, "Arn": {"Fn::GetAtt": ["Repository", "Arn"]}}
    made = deploy(emulator, "Repository", {"Repository": REPOSITORY}, outputs=outputs)
    assert made["Name"] == "payments"
    described = {**REPOSITORY, "Properties": {**REPOSITORY["Properties"], "RepositoryDescription": "more"}}
    assert deploy(emulator, "Repository", {"Repository": described}, outputs=outputs) == made


def test_a_health_check_of_a_record_has_its_id(emulator: Emulator) -> None:
    record = {"Name": "payments.test.", "Type": "A", "HealthCheckId": {"Fn::GetAtt": ["Check", "HealthCheckId"]}}
    resources = {
        "Check": {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": {"Type": "HTTPS"}}},
        "Record": {"Type": "AWS::Route53::RecordSet", "Properties": record},
    }
    made = deploy(emulator, "Named", resources, outputs={"Check": {"Ref": "Check"}})
    (kept,) = (each for each in emulator.recorded() if each["Type"] == "AWS::Route53::RecordSet")
    assert kept["Properties"]["HealthCheckId"] == made["Check"]
    delete(emulator, "Named")


def test_an_on_call_address_is_read_from_a_secret(emulator: Emulator) -> None:
    resources = {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": "on-call",
                "SecretString": "https://on-call.invalid/key",  # pragma: allowlist secret
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "OnCall": {
            "Type": "AWS::SNS::Subscription",
            "DependsOn": "Secret",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "https",
                "Endpoint": "{{resolve:secretsmanager:on-call:SecretString:::}}",
            },
        },
    }
    made = deploy(emulator, "OnCall", resources, outputs={"Topic": {"Ref": "Topic"}})
    found = emulator.client("sns", account=ACCOUNT, region=PRIMARY).list_subscriptions_by_topic(TopicArn=made["Topic"])
    assert [each["Endpoint"] for each in found["Subscriptions"]] == ["https://on-call.invalid/key"]
    delete(emulator, "OnCall")
