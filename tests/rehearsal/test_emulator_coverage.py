"""The emulator claims no more than it does, and what it only writes down can be looked up."""

from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.emulator.process import EMULATED, NOT_SUPPORTED, RECORDED
from tests.rehearsal.stacks import ACCOUNT, PRIMARY, RECOVERY, delete, deploy

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
def test_every_type_falls_into_one_of_three_classes(emulator: Emulator, resource_type: str, kind: str) -> None:
    assert emulator.coverage()[resource_type].kind == kind


def test_whatever_is_less_than_emulated_says_why(emulator: Emulator) -> None:
    coverage = emulator.coverage()
    assert not [name for name, (kind, note) in coverage.types.items() if kind != EMULATED and not note]
    assert coverage["AWS::Imaginary::Thing"].note
    assert any(line.startswith("IAM: ") for line in coverage.not_proved)


def test_a_recorded_resource_is_listed_with_its_properties_until_it_is_deleted(emulator: Emulator) -> None:
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


def test_a_recorded_resource_keeps_its_attributes_over_an_update(emulator: Emulator) -> None:
    outputs = {"Name": {"Fn::GetAtt": ["Repository", "Name"]}, "Arn": {"Fn::GetAtt": ["Repository", "Arn"]}}
    made = deploy(emulator, "Repository", {"Repository": REPOSITORY}, outputs=outputs)
    assert made["Name"] == "payments"
    described = {**REPOSITORY, "Properties": {**REPOSITORY["Properties"], "RepositoryDescription": "more"}}
    assert deploy(emulator, "Repository", {"Repository": described}, outputs=outputs) == made


def test_a_secret_is_known_by_its_arn_and_keeps_it(emulator: Emulator) -> None:
    def secret(description: str) -> dict[str, object]:
        generated = {"SecretStringTemplate": '{"username": "app"}', "GenerateStringKey": "password"}
        properties = {"Description": description, "GenerateSecretString": generated}
        rotation = {"SecretId": {"Ref": "Secret"}, "RotationRules": {"AutomaticallyAfterDays": "30"}}
        return {
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": properties},
            "Rotation": {"Type": "AWS::SecretsManager::RotationSchedule", "Properties": rotation},
        }

    outputs = {"Secret": {"Ref": "Secret"}}
    made = deploy(emulator, "Secret", secret("before"), outputs=outputs, region=RECOVERY)
    assert made["Secret"].startswith(f"arn:aws:secretsmanager:{RECOVERY}:{ACCOUNT}:secret:")
    assert deploy(emulator, "Secret", secret("after"), outputs=outputs, region=RECOVERY) == made
    manager = emulator.client("secretsmanager", account=ACCOUNT, region=RECOVERY)
    assert manager.describe_secret(SecretId=made["Secret"])["RotationEnabled"]
    delete(emulator, "Secret", region=RECOVERY)
    assert made["Secret"] not in {secret["ARN"] for secret in manager.list_secrets()["SecretList"]}


def test_a_managed_master_password_has_its_secret(emulator: Emulator) -> None:
    cluster = {"Engine": "aurora-postgresql", "MasterUsername": "admin", "ManageMasterUserPassword": True}
    resources = {"Cluster": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete", "Properties": cluster}}
    made = deploy(
        emulator, "Managed", resources, outputs={"Secret": {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}}
    )
    manager = emulator.client("secretsmanager", account=ACCOUNT, region=PRIMARY)
    assert '"username": "admin"' in manager.get_secret_value(SecretId=made["Secret"])["SecretString"]
    delete(emulator, "Managed")
    assert made["Secret"] not in {secret["ARN"] for secret in manager.list_secrets()["SecretList"]}
