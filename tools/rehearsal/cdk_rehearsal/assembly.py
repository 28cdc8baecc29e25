"""The stacks of a cloud assembly and their accounts and regions, nested assemblies included."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_rehearsal.errors import DeliveryError

PIPELINE = "AWS::CodePipeline::Pipeline"
QUALIFIER = "hnb659fds"  # of `cdk bootstrap` without options
_VERSION = re.compile(r"/cdk-bootstrap/([^/]+)/")
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
    qualifier: str  # of the bootstrap that the stack requires


def stacks(directory: Path) -> list[Stack]:
    """Every stack, in the order of the manifests."""
    return list(_stacks(directory))


def pipeline_stack(among: list[Stack], *, construct_id: str = "") -> Stack:
    """The stack that declares the pipeline: the named one, or the only one there is."""
    found = [
        each for each in among if each.id == construct_id or (not construct_id and PIPELINE in resource_types(each))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise DeliveryError(
            f"{len(found)} stacks declare a pipeline ({', '.join(each.id for each in found)}): set `pipeline-stack` to "
            "one of them."
        )
    if construct_id:
        raise DeliveryError(f"The commit synthesizes no {construct_id}, only {', '.join(each.id for each in among)}.")
    raise DeliveryError(f"No stack of the commit declares an {PIPELINE}: there is nothing to rehearse.")


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
            parameter = properties.get("bootstrapStackVersionSsmParameter", "")
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
                qualifier=found[1] if (found := _VERSION.match(parameter)) else QUALIFIER,
            )
