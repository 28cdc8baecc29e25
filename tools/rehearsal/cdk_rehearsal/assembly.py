"""What a cloud assembly is going to deploy, and where; read from its manifests, nested assemblies included."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal.errors import DeliveryError

_ENVIRONMENT = re.compile(r"aws://(?P<account>\d{12})/(?P<region>[a-z0-9-]+)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Environment:
    """An account and a region of it."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"aws://{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack of the assembly."""

    id: str  # the construct path, as the CDK CLI shows it
    name: str  # as CloudFormation knows it
    environment: Environment
    template: Path
    bootstrap_parameter: str | None  # where the bootstrap version is noted that the stack asks for


def stacks(directory: Path) -> list[Stack]:
    """Every stack, in the order of the manifests."""
    return list(_stacks(directory))


def stack(among: list[Stack], *, construct_id: str) -> Stack:
    """The stack of that construct path."""
    for each in among:
        if each.id == construct_id:
            return each
    raise DeliveryError(f"The commit synthesizes no {construct_id}: app.py must make it.")


def has_action(stack: Stack, *, category: str) -> bool:
    """Whether a pipeline of the stack has an action of the category."""
    resources: dict[str, Any] = json.loads(stack.template.read_text()).get("Resources", {})
    return any(
        action["ActionTypeId"]["Category"] == category
        for resource in resources.values()
        if resource["Type"] == "AWS::CodePipeline::Pipeline"
        for stage in resource["Properties"]["Stages"]
        for action in stage["Actions"]
    )


def resource_types(stack: Stack) -> set[str]:
    """The types that the stack's template declares."""
    resources: dict[str, Any] = json.loads(stack.template.read_text()).get("Resources", {})
    return {resource["Type"] for resource in resources.values()}


def _stacks(directory: Path) -> Iterator[Stack]:
    manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    for artifact_id, artifact in manifest.get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(directory / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            name = artifact.get("displayName", artifact_id)
            place = _ENVIRONMENT.fullmatch(artifact.get("environment", ""))
            if place is None:
                raise DeliveryError(
                    f"Stack {name} has no fixed account and region ({artifact.get('environment')}): "
                    "give it an env with both, or its stage."
                )
            yield Stack(
                id=name,
                name=properties.get("stackName", artifact_id),
                environment=Environment(account=place["account"], region=place["region"]),
                template=directory / properties["templateFile"],
                bootstrap_parameter=properties.get("bootstrapStackVersionSsmParameter"),
            )
