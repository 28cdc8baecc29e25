"""The digests of a stack: of its template, and of its parameters and tags.

One Lambda function computes them from the cloud assembly, another one from the change set. Each contains this module as
a part of its one file, so it imports nothing of this project.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

PARTS = ("template", "parameters and tags")
"""What the digests of a stack are of, in their order."""

Read = Callable[[str], bytes]


def digest(document: Any) -> str:
    """The SHA-256 of a document as canonical JSON: with sorted keys, and without white space.

    GetTemplate returns the template that was submitted, and each character beyond ASCII as a question mark:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("ascii", "replace")).hexdigest()


def stack_digests(
    template: Mapping[str, Any],
    *,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> str:
    """The digests of the PARTS, separated by spaces. A parameter without a value has the default of the template."""
    declared = template.get("Parameters", {})
    values = {name: parameters.get(name, str(each.get("Default"))) for name, each in declared.items()}
    return " ".join(map(digest, (template, [values, tags])))


def release_digests(names: Collection[str], read: Read) -> dict[str, str]:
    """The digests of each stack in the files of a cloud assembly, and one of each environment, by their names."""
    digests: dict[str, str] = {}
    for assembly in json.loads(read("manifest.json"))["artifacts"].values():
        if assembly["type"] == "cdk:cloud-assembly":
            directory = assembly["properties"]["directoryName"]
            artifacts = json.loads(read(f"{directory}/manifest.json"))["artifacts"]
            stacks = {
                artifact["properties"].get("stackName", name): _synthesized(names, read, directory, artifact)
                for name, artifact in artifacts.items()
                if artifact["type"] == "aws:cloudformation:stack"
            }
            digests |= stacks | {assembly["properties"]["displayName"].rpartition("/")[2]: digest(stacks)}
    return digests


def _synthesized(names: Collection[str], read: Read, directory: str, stack: Mapping[str, Any]) -> str:
    file = stack["properties"]["templateFile"]
    template = json.loads(read(f"{directory}/{file}"))
    # CDK Pipelines writes the tags of a stack into this file, for the action that creates the change set.
    settings = f"{directory}/{file}.config.json"
    given = json.loads(read(settings)) if settings in names else {}
    return stack_digests(template, parameters=given.get("Parameters", {}), tags=given.get("Tags", {}))
