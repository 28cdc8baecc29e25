"""Secrets: known by their ARN as on AWS, their resource policies, and the switch for their rotation."""

import json

from cdk_rehearsal.emulator.server.bridge import Attributes, Handlers, Properties, ResourceType, api, given, reported

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type  # pragma: allowlist secret


def secret_handlers(*, native: dict[str, Handlers]) -> dict[str, Handlers]:
    """The emulator's handlers know a secret by its name; Ref must give the ARN, which policies and tasks refer to."""
    own = native[SECRET]

    def name_of(arn: str) -> str:
        return str(api("secretsmanager").describe_secret(SecretId=arn)["Name"])

    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
        _, attributes = own["create"](logical_id, properties, stack_name)
        return attributes["Arn"], attributes

    def update(arn: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> tuple[str, Attributes]:
        _, attributes = own["update"](name_of(arn), old, new, stack_name, logical_id)
        return attributes["Arn"], attributes

    def delete(arn: str, properties: Properties) -> None:
        try:
            own["delete"](name_of(arn), properties)
        except api("secretsmanager").exceptions.ResourceNotFoundException:
            return  # replaced under the same name: the emulator has deleted it already

    return {SECRET: own | {"create": reported(create), "update": reported(update), "delete": reported(delete)}}


def _rotate(secret: str, _old: Properties, new: Properties) -> Attributes:
    api("secretsmanager").rotate_secret(SecretId=secret, **given(new, "RotationLambdaARN", "RotationRules"))
    return {"Id": secret}


def _create_rotation(_name: str, properties: Properties) -> tuple[str, Attributes]:
    secret: str = properties["SecretId"]
    return secret, _rotate(secret, {}, properties)


def _delete_rotation(_secret: str, _properties: Properties) -> None:
    """The emulator cannot cancel a rotation; it ends with the secret."""


def _put_policy(secret: str, _old: Properties, new: Properties) -> Attributes:
    policy = json.dumps(new["ResourcePolicy"])
    public = given(new, "BlockPublicPolicy")
    api("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=policy, **public)
    return {"Id": secret}


def _create_policy(_name: str, properties: Properties) -> tuple[str, Attributes]:
    secret: str = properties["SecretId"]
    return secret, _put_policy(secret, {}, properties)


def _delete_policy(secret: str, _properties: Properties) -> None:
    api("secretsmanager").delete_resource_policy(SecretId=secret)


RESOURCE_TYPES = {
    "AWS::SecretsManager::RotationSchedule": ResourceType(
        create=_create_rotation,
        update=_rotate,
        delete=_delete_rotation,
        note="rotation is switched on, but no rotation function runs",
    ),
    "AWS::SecretsManager::ResourcePolicy": ResourceType(
        create=_create_policy, update=_put_policy, delete=_delete_policy, note="not enforced"
    ),
}
