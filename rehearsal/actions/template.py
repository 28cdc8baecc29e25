"""What a CloudFormation action hands over: the template of an artifact and everything that goes with it.

On AWS CloudFormation reads the template out of the artifact bucket. The emulator's looks only into buckets of the
stack's own account, and takes no long template in a request. So the template waits in the bootstrap bucket there, as
the CDK CLI leaves it, until it has been read.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rehearsal import archive
from rehearsal.actions.context import Context
from rehearsal.actions.stack import outputs
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Action
from rehearsal.standing import TOOLKIT

_BUCKET_OUTPUT = "BucketName"


@contextmanager
def handed_over(action: Action, context: Context, *, key: str) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """The request to CloudFormation, and the template configuration that it was made with.

    Args:
        action: A CloudFormation action with a template.
        context: Where it takes place.
        key: The access key of the role that it works under.
    """
    configuration = _configuration(action, context)
    emulator, region = context.workplace.emulator, action.region
    bucket = outputs(emulator.client("cloudformation", account=key, region=region), TOOLKIT)[_BUCKET_OUTPUT]
    store = emulator.client("s3", account=key, region=region)
    name = f"rehearsal/{context.action_execution}.json"
    store.put_object(Bucket=bucket, Key=name, Body=_file(context.configuration["TemplatePath"], action, context))
    try:
        request = {
            "TemplateURL": f"{emulator.endpoint}/{bucket}/{name}",
            "Parameters": _parameters(action, context, configuration),
            "Tags": [{"Key": tag, "Value": value} for tag, value in configuration.get("Tags", {}).items()],
            "Capabilities": list(filter(None, context.configuration.get("Capabilities", "").split(","))),
        }
        if role := context.configuration.get("RoleArn"):
            request["RoleARN"] = role
        yield request, configuration
    finally:
        store.delete_object(Bucket=bucket, Key=name)


def _configuration(action: Action, context: Context) -> Mapping[str, Any]:
    path = context.configuration.get("TemplateConfiguration")
    configuration: Mapping[str, Any] = json.loads(_file(path, action, context)) if path else {}
    return configuration


def _parameters(action: Action, context: Context, configuration: Mapping[str, Any]) -> list[dict[str, str]]:
    overrides = json.loads(context.configuration.get("ParameterOverrides", "{}"))
    parameters = {**configuration.get("Parameters", {}), **overrides}
    if any(not isinstance(value, str) for value in parameters.values()):
        raise DeliveryError(f"{action} takes a parameter out of an artifact: a rehearsal knows only plain values.")
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _file(path: str, action: Action, context: Context) -> bytes:
    """The content of `Artifact::file`."""
    artifact, _, name = path.partition("::")
    try:
        return archive.read(context.artifacts.load(artifact, region=action.region), name)
    except KeyError:
        raise DeliveryError(f"{action} wants {name}, which is not in the artifact {artifact}.") from None
