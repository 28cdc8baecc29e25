"""Synthesized templates as the rules read them: resources, findings, and references within and between stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the plan reads templates too, without aws_cdk
    from stages.environment import Environment

PropertyPath = tuple[str | int, ...]  # keys and indexes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A value that breaks a rule, or that the rule needs and the template does not state."""

    logical_id: str
    location: str  # inside the resource, such as Properties.SslPolicy
    value: object  # None if the property is not set

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.location} is not set."
        unknown = ", which is known only at deployment" if is_intrinsic(self.value) else ""
        return f"{self.location} is {json.dumps(self.value, sort_keys=True)}{unknown}."


def is_intrinsic(value: object) -> bool:
    """Whether a value is an intrinsic function, which CloudFormation replaces at deployment."""
    return isinstance(value, dict) and len(value) == 1 and all(key == "Ref" or key.startswith("Fn::") for key in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a template, or a part of its properties: paths are relative to that part."""

    logical_id: str
    type: str
    definition: dict[str, Any]  # of the whole resource
    path: PropertyPath = ()  # of the part

    def at(self, *path: str | int) -> object:
        """The property at a path, or the intrinsic function on the way to it; None if neither is set."""
        return self._walk((*self.path, *path))[0]

    def items(self, *path: str | int) -> Iterator[Resource]:
        """The items of a list; the list itself if an intrinsic function makes it."""
        value, path = self.at(*path), (*self.path, *path)
        if isinstance(value, list):
            yield from (replace(self, path=(*path, index)) for index in range(len(value)))
        elif value is not None:
            yield replace(self, path=path)

    def finding(self, *path: str | int) -> Finding:
        """A finding about the property at a path, or about the intrinsic function on the way to it."""
        value, reached = self._walk((*self.path, *path))
        return Finding(logical_id=self.logical_id, location=".".join(map(str, ("Properties", *reached))), value=value)

    def _walk(self, path: PropertyPath) -> tuple[object, PropertyPath]:
        """The value at an absolute path, and the path up to it."""
        value: object = self.definition.get("Properties", {})
        for step, key in enumerate(path):
            if is_intrinsic(value):
                return value, path[:step]
            match value, key:
                case dict(), _ if key in value:
                    value = value[key]
                case list(), int() if key < len(value):
                    value = value[key]
                case _:
                    return None, path
        return value, path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A stack's template, with the other templates of its assembly. Equal only to itself."""

    stack: str  # the construct path, such as PipelineStack/Dev/Payment
    environments: tuple[Environment, ...]  # all, in the order of deployment
    document: Mapping[str, Any]
    assembly: Mapping[str, Template]  # by construct path, with this one
    resources: Mapping[str, Resource] = field(init=False)

    def __post_init__(self) -> None:
        resources = {
            logical_id: Resource(logical_id=logical_id, type=definition["Type"], definition=definition)
            for logical_id, definition in self.document.get("Resources", {}).items()
        }
        object.__setattr__(self, "resources", resources)

    @classmethod
    def of_assembly(
        cls, documents: Mapping[str, Mapping[str, Any]], *, environments: Sequence[Environment]
    ) -> Mapping[str, Template]:
        """The templates of an assembly by construct path."""
        assembly: dict[str, Template] = {}
        for stack, document in documents.items():
            assembly[stack] = cls(stack=stack, environments=tuple(environments), document=document, assembly=assembly)
        return assembly

    @property
    def environment(self) -> Environment | None:
        """The environment of the stack's Stage, which has its name; None for a stack outside every Stage."""
        parents = self.stack.split("/")[:-1]
        return next((environment for environment in self.environments if environment.name in parents), None)

    @property
    def retains_data(self) -> bool:
        """Whether data outlives the stack. The stacks outside every Stage retain data."""
        return self.environment is None or self.environment.retains_data

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources.values() if resource.type in types)


def resolve(template: Template, value: object) -> tuple[Template, Resource] | None:
    """The resource that a value refers to, with its template; None if the assembly does not show it.

    Follows ``Ref`` and ``Fn::GetAtt`` within the template. Follows SSM parameters, read as a template parameter or a
    dynamic reference, and ``Fn::GetStackOutput`` from one stack to another.
    """
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in template.resources:
            return template, template.resources[name]
        case {"Ref": str(name)}:
            parameter = template.document.get("Parameters", {}).get(name, {})
            is_ssm = str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")
            return _resolve_parameter(template, parameter.get("Default")) if is_ssm else None
        case str() if value.startswith("{{resolve:ssm:") and value.endswith("}}"):
            return _resolve_parameter(template, value.removeprefix("{{resolve:ssm:").removesuffix("}}"))
        case {"Fn::GetStackOutput": {"StackName": str(stack), "OutputName": str(output)}}:
            for other in template.assembly.values():
                # The name of a stack in a Stage has both names: PipelineStack/Dev/Payment is Dev-Payment.
                if "-".join(other.stack.split("/")[-2:]) == stack:
                    return resolve(other, other.document.get("Outputs", {}).get(output, {}).get("Value"))
    return None


def _resolve_parameter(template: Template, name: object) -> tuple[Template, Resource] | None:
    for other in template.assembly.values():
        for parameter in other.of_type("AWS::SSM::Parameter"):
            if name is not None and parameter.at("Name") == name:
                return resolve(other, parameter.at("Value"))
    return None
