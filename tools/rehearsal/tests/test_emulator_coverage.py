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
