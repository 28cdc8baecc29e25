"""Secrets Manager: secrets and their rotation."""

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, RECOVERY, delete, deploy


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
