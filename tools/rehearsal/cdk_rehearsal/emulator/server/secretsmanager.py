"""Secrets Manager: secrets identified by their ARN as on AWS, and rotation schedules."""

from cdk_rehearsal.emulator.server.resource_types import (
    Attributes,
    Handlers,
    Properties,
    ResourceType,
    api,
    given,
    reported,
)

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type  # pragma: allowlist secret


def secret_handlers(*, native: dict[str, Handlers]) -> dict[str, Handlers]:
    """Handlers of secrets whose Ref is the ARN; ministack's Ref is the name, which policies and tasks cannot use."""
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
            return  # replaced under the same name: ministack has already deleted it

    return {SECRET: own | {"create": reported(create), "update": reported(update), "delete": reported(delete)}}


def _rotate(secret: str, _old: Properties, new: Properties) -> Attributes:
    api("secretsmanager").rotate_secret(SecretId=secret, **given(new, "RotationLambdaARN", "RotationRules"))
    return {"Id": secret}


def _create_rotation(_name: str, properties: Properties) -> tuple[str, Attributes]:
    secret: str = properties["SecretId"]
    return secret, _rotate(secret, {}, properties)


def _delete_rotation(_secret: str, _properties: Properties) -> None:
    """The emulator cannot cancel a rotation; it ends with the secret."""


RESOURCE_TYPES = {
    "AWS::SecretsManager::RotationSchedule": ResourceType(
        create=_create_rotation,
        update=_rotate,
        delete=_delete_rotation,
        note="rotation is enabled, but the rotation function does not run",
    ),
}
