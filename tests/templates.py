"""The templates of a cloud assembly, read from disk the way that CloudFormation would."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cdk_rehearsal.assembly import stacks

Template = dict[str, Any]


class Assembly:
    """The templates by the names of their stacks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stacks = {stack.name: stack for stack in stacks(directory)}

    @cache  # noqa: B019 - one assembly per process
    def template(self, stack_name: str) -> Template:
        """A stack's template."""
        template: Template = json.loads(self.stacks[stack_name].template.read_text(encoding="utf-8"))
        return template

    def resources(self, stack_name: str, resource_type: str) -> dict[str, Any]:
        """The properties of a stack's resources of one type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.template(stack_name)["Resources"].items()
            if resource["Type"] == resource_type
        }

    def only(self, stack_name: str, resource_type: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (properties,) = self.resources(stack_name, resource_type).values()
        return dict(properties)

    def termination_protection(self, stack_name: str) -> bool:
        """Whether CloudFormation refuses to delete the stack."""
        return bool(self._properties(stack_name).get("terminationProtection", False))

    def tags(self, stack_name: str) -> dict[str, str]:
        """The stack's tags, which CloudFormation hands to every resource."""
        return dict(self._properties(stack_name)["tags"])

    def _properties(self, stack_name: str) -> dict[str, Any]:
        """The stack's entry in the manifest beside its template."""
        stack = self.stacks[stack_name]
        manifest = json.loads((stack.template.parent / "manifest.json").read_text(encoding="utf-8"))
        properties: dict[str, Any] = manifest["artifacts"][stack.template.name.split(".")[0]]["properties"]
        return properties

    def pipeline_stages(self) -> list[dict[str, Any]]:
        """The stages of the pipeline, in order."""
        stages: list[dict[str, Any]] = self.only("PipelineStack", "AWS::CodePipeline::Pipeline")["Stages"]
        return stages


def references(value: object) -> Iterator[str]:
    """The logical ids that a part of a template refers to."""
    if isinstance(value, dict):
        if "Ref" in value:
            yield value["Ref"]
        if "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
