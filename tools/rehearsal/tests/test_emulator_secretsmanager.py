"""Secrets Manager: secrets and their rotation."""

import time
from typing import Any

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, RECOVERY, delete, deploy

ROTATION = """
import boto3
vault = boto3.client("secretsmanager")

def handler(event, context):
    secret, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        value = vault.get_secret_value(SecretId=secret)["SecretString"] + "+"
        vault.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=value, VersionStages=["AWSPENDING"])
    elif event["Step"] == "finishSecret":
        versions = vault.describe_secret(SecretId=secret)["VersionIdsToStages"]
        (current,) = (version for version, stages in versions.items() if "AWSCURRENT" in stages)
        vault.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
    else:
        pending = vault.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        vault.tag_resource(SecretId=secret, Tags=[{"Key": event["Step"], "Value": pending["SecretString"]}])
"""
SECONDS = 30


def test_an_update_keeps_the_arn_that_identifies_a_secret(emulator: Emulator) -> None:
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


def test_a_generated_password_has_only_the_characters_that_are_left(emulator: Emulator) -> None:
    excluded = {"ExcludePunctuation": True, "ExcludeNumbers": "true", "ExcludeCharacters": "abc", "PasswordLength": 200}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": excluded}}
    made = deploy(emulator, "Generated", {"Secret": secret}, outputs={"Secret": {"Ref": "Secret"}}, region=RECOVERY)
    manager = emulator.client("secretsmanager", account=ACCOUNT, region=RECOVERY)
    value = manager.get_secret_value(SecretId=made["Secret"])["SecretString"]
    assert (len(value), value.isalpha(), set(value) & set("abc")) == (200, True, set())
    delete(emulator, "Generated", region=RECOVERY)


def test_a_schedule_runs_the_rotation_function_at_once_and_on_request(emulator: Emulator) -> None:
    function = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Timeout": 60,
        "Role": f"arn:aws:iam::{ACCOUNT}:role/rotation",
        "Code": {"ZipFile": ROTATION},
    }
    replica = {"Region": RECOVERY}
    secret = {"Name": "rotated", "SecretString": "1", "ReplicaRegions": [replica]}
    rotation = {"SecretId": {"Ref": "Secret"}, "RotationLambdaARN": {"Fn::GetAtt": ["Function", "Arn"]}}
    resources = {
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": secret},
        "Rotation": {"Type": "AWS::SecretsManager::RotationSchedule", "Properties": rotation},
    }
    deploy(emulator, "Rotated", resources)
    manager = emulator.client("secretsmanager", account=ACCOUNT, region=PRIMARY)
    first = _rotated(manager, "1+")
    tags = {tag["Key"]: tag["Value"] for tag in manager.describe_secret(SecretId="rotated")["Tags"]}
    assert (tags["setSecret"], tags["testSecret"]) == ("1+", "1+")
    manager.rotate_secret(SecretId="rotated")  # pragma: allowlist secret
    assert _rotated(manager, "1++") >= first
    there = emulator.client("secretsmanager", account=ACCOUNT, region=RECOVERY)
    assert there.get_secret_value(SecretId="rotated")["SecretString"] == "1++"  # pragma: allowlist secret
    delete(emulator, "Rotated")


def _rotated(manager: Any, value: str) -> Any:
    """Waits for a value; returns the time of the rotation."""
    deadline = time.monotonic() + SECONDS
    while manager.get_secret_value(SecretId="rotated")["SecretString"] != value:  # pragma: allowlist secret
        assert time.monotonic() < deadline, "the rotation function did not run"
        time.sleep(0.1)
    time.sleep(0.5)
    described = manager.describe_secret(SecretId="rotated")
    labels = sorted(map(sorted, described["VersionIdsToStages"].values()))
    assert labels == [["AWSCURRENT", "AWSPENDING"], ["AWSPREVIOUS"]]
    return described["LastRotatedDate"]
