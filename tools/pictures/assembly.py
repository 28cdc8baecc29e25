"""The stacks of a cloud assembly, as far as the pictures need them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack: where it is deployed, and its resources by logical id."""

    account: str
    region: str
    resources: dict[str, Any]

    def of(self, resource_type: str) -> list[dict[str, Any]]:
        """The properties of the resources of a type, such as `SQS::Queue`."""
        return [each["Properties"] for each in self.resources.values() if each["Type"] == f"AWS::{resource_type}"]

    def references(self, value: object) -> list[str]:
        """The logical ids of the resources that a part of the template refers to."""
        found = re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', json.dumps(value))
        return [each for each in found if each in self.resources]

    def path(self, logical_id: str) -> str:
        """A resource's construct path, such as `Payment/Data/Sessions/Table`; it has no generated part."""
        return str(self.resources[logical_id]["Metadata"]["aws:cdk:path"]).split("/", 2)[2].removesuffix("/Resource")


def read_stacks(directory: Path) -> Mapping[str, Stack]:
    """Every stack of an assembly and of those nested in it, by name."""
    stacks = {}
    for manifest in directory.rglob("manifest.json"):
        for name, artifact in json.loads(manifest.read_text("utf-8"))["artifacts"].items():
            if artifact["type"] == "aws:cloudformation:stack":
                account, region = artifact["environment"].removeprefix("aws://").split("/")
                template = json.loads(manifest.with_name(artifact["properties"]["templateFile"]).read_text("utf-8"))
                stack = Stack(account=account, region=region, resources=template["Resources"])
                stacks[artifact["properties"].get("stackName", name)] = stack
    return stacks
