"""Secrets Manager: secrets identified by their ARN as on AWS, and rotations by the function of a schedule."""

import copy
import json
import string
import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Thread
from typing import Any

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.resource_types import (
    Attributes,
    Handlers,
    Properties,
    ResourceType,
    api,
    boolean,
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
        _, attributes = own["create"](logical_id, _spelled_out(properties), stack_name)
        return attributes["Arn"], attributes

    def update(arn: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> tuple[str, Attributes]:
        _, attributes = own["update"](name_of(arn), _spelled_out(old), _spelled_out(new), stack_name, logical_id)
        return attributes["Arn"], attributes

    def delete(arn: str, properties: Properties) -> None:
        try:
            own["delete"](name_of(arn), properties)
        except api("secretsmanager").exceptions.ResourceNotFoundException:
            return  # replaced under the same name: ministack has already deleted it

    return {SECRET: own | {"create": reported(create), "update": reported(update), "delete": reported(delete)}}


_EXCLUDED = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
    "ExcludeUppercase": string.ascii_uppercase,
}


def _spelled_out(properties: Properties) -> Properties:
    """The properties with every excluded character by itself, as ministack knows them."""
    generated = properties.get("GenerateSecretString")
    if not generated:
        return properties
    more = [characters for name, characters in _EXCLUDED.items() if boolean(generated.get(name, False))]
    excluded = "".join([generated.get("ExcludeCharacters", ""), *more])
    return properties | {"GenerateSecretString": generated | {"ExcludeCharacters": excluded}}


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
    ),
}

Action = Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]]
Find = Callable[[str], tuple[str, dict[str, Any]]]
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
WITHOUT_DATABASE = ("createSecret", "finishSecret")
"""Those that need Secrets Manager alone."""


def rotating(
    own: Action, *, find: Find, replicate: Callable[[dict[str, Any]], None], steps: Callable[[], tuple[str, ...]]
) -> Action:
    """RotateSecret, which runs the rotation function; ministack's makes a copy of the current value the current one."""

    def rotate(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        _, secret = find(request["SecretId"])
        before = copy.deepcopy(secret and secret["Versions"])
        answer = own(request)
        if answer[0] != HTTPStatus.OK:
            return answer
        for version in before.values():
            version["Stages"] = [stage for stage in version["Stages"] if stage != "AWSPENDING"]
        secret["Versions"] = before
        replicate(secret)
        if secret.get("RotationLambdaARN"):
            event = {"SecretId": secret["ARN"], "ClientRequestToken": json.loads(answer[2])["VersionId"]}
            here = {"account": get_account_id(), "region": get_region()}
            # As on AWS, the rotation goes on after the answer.
            Thread(target=_run, args=(secret, event, steps()), kwargs=here, daemon=True).start()
        return answer

    return rotate


def _run(secret: dict[str, Any], event: dict[str, str], steps: tuple[str, ...], *, account: str, region: str) -> None:
    functions = api("lambda", account=account, region=region)
    for step in steps:
        payload = json.dumps({"Step": step, **event})
        answer = functions.invoke(FunctionName=secret["RotationLambdaARN"], Payload=payload)
        if "FunctionError" in answer:  # the value before stays the current one
            print(f"The rotation of {secret['Name']} failed in {step}: {answer['Payload'].read().decode()}", flush=True)
            return
    secret["LastRotatedDate"] = int(time.time())


def dated(own: Action, *, find: Find) -> Action:
    """DescribeSecret, which also says when the secret was last rotated."""

    def describe(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = own(request)
        _, secret = find(request["SecretId"])
        if status == HTTPStatus.OK and "LastRotatedDate" in secret:
            body = json.dumps(json.loads(body) | {"LastRotatedDate": secret["LastRotatedDate"]}).encode()
        return status, headers, body

    return describe
