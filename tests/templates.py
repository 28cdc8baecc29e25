"""Reads the templates of a cloud assembly from disk."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cdk_rehearsal.assembly import stacks

Template = dict[str, Any]


class Assembly:
    """The templates of a cloud assembly by stack name."""

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
        """The properties of the only resource of a type."""
        (properties,) = self.resources(stack_name, resource_type).values()
        return dict(properties)

    def subnets(self, stack_name: str, tier: str) -> dict[str, Any]:
        """The properties of the subnets of a tier (Public, Private, Database), by logical id."""
        return {
            logical_id: subnet
            for logical_id, subnet in self.resources(stack_name, "AWS::EC2::Subnet").items()
            if {"Key": "aws-cdk:subnet-name", "Value": tier} in subnet["Tags"]
        }

    def role(self, stack_name: str, role_name: str) -> dict[str, Any]:
        """The properties of the IAM role with a name."""
        roles = self.resources(stack_name, "AWS::IAM::Role").values()
        (role,) = (role for role in roles if role.get("RoleName") == role_name)
        return dict(role)

    def role_statements(self, stack_name: str, role: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The statements of the only managed policy of a role."""
        assert "Policies" not in role
        (policy,) = references(role["ManagedPolicyArns"])
        document = self.resources(stack_name, "AWS::IAM::ManagedPolicy")[policy]["PolicyDocument"]
        return list(document["Statement"])

    def termination_protection(self, stack_name: str) -> bool:
        """Whether CloudFormation refuses to delete the stack."""
        return bool(self._properties(stack_name).get("terminationProtection", False))

    def tags(self, stack_name: str) -> dict[str, str]:
        """The stack's tags, which CloudFormation applies to every resource."""
        return dict(self._properties(stack_name)["tags"])

    def _properties(self, stack_name: str) -> dict[str, Any]:
        """The stack's properties in the manifest of the cloud assembly."""
        stack = self.stacks[stack_name]
        manifest = json.loads((stack.template.parent / "manifest.json").read_text(encoding="utf-8"))
        properties: dict[str, Any] = manifest["artifacts"][stack.template.name.split(".")[0]]["properties"]
        return properties

    def pipeline_stages(self) -> list[dict[str, Any]]:
        """The stages of the pipeline, in order of execution."""
        stages: list[dict[str, Any]] = self.only("PipelineStack", "AWS::CodePipeline::Pipeline")["Stages"]
        return stages


def statement_actions(statement: Mapping[str, Any]) -> list[str]:
    """The actions of an IAM statement; CloudFormation also accepts a single string."""
    return [statement["Action"]] if isinstance(statement["Action"], str) else list(statement["Action"])


def references(value: object) -> Iterator[str]:
    """The logical ids in every Ref and Fn::GetAtt of a part of a template."""
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
