"""What a reference refers to: a resource of the same template, or one that another stack of the assembly hands on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from stages.environment import Environment

PropertyPath = tuple[str | int, ...]
"""The way to a value inside a resource's properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A value that breaks a rule, or that the template leaves open where the rule needs to know it.

    Args:
        logical_id: The resource.
        location: Where in the resource the value stands, such as ``Properties.SslPolicy``.
        value: The value; None where nothing stands there.
    """

    logical_id: str
    location: str
    value: object

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.location} is not set."
        shown = json.dumps(self.value, sort_keys=True)
        open_ended = ", which cannot be judged before a deployment" if is_intrinsic(self.value) else ""
        return f"{self.location} is {shown}{open_ended}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of a template.

    Args:
        logical_id: Its key in the template.
        type: Such as ``AWS::S3::Bucket``.
        definition: All that the template says about it.
    """

    logical_id: str
    type: str
    definition: dict[str, Any]

    def at(self, *path: str | int) -> object:
        """The property at a path; the intrinsic function that stands in its way, if one does; None if nothing does."""
        return self._walk(path)[0]

    def each(self, *path: str | int) -> Iterator[PropertyPath]:
        """The paths of a list's entries; the list's own path where the template does not spell its entries out."""
        value = self.at(*path)
        if isinstance(value, list):
            yield from ((*path, index) for index in range(len(value)))
        elif value is not None:
            yield path

    def finding(self, *path: str | int) -> Finding:
        """A finding about the property at a path, or about the intrinsic function in its way."""
        value, reached = self._walk(path)
        return Finding(
            logical_id=self.logical_id, location=".".join(map(str, ("Properties", *path[:reached]))), value=value
        )

    def _walk(self, path: PropertyPath) -> tuple[object, int]:
        """What stands at a path, and how many of its steps lead there."""
        value: object = self.definition.get("Properties", {})
        for step, key in enumerate(path):
            if is_intrinsic(value):
                return value, step
            match value, key:
                case dict(), _ if key in value:
                    value = value[key]
                case list(), int() if key < len(value):
                    value = value[key]
                case _:
                    return None, len(path)
        return value, len(path)


def is_intrinsic(value: object) -> bool:
    """Whether a value is an intrinsic function, which CloudFormation replaces at deployment."""
    return isinstance(value, dict) and len(value) == 1 and all(key == "Ref" or key.startswith("Fn::") for key in value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A stack's template; there is one of it, so it equals itself only.

    Args:
        stack: The stack's construct path, such as ``PipelineStack/Dev/Payment``.
        environments: Every environment, in the order of their delivery.
        document: The template.
        assembly: Every template of the assembly, this one included, by construct path.
    """

    stack: str
    environments: tuple[Environment, ...]
    document: Mapping[str, Any]
    assembly: Mapping[str, "Template"]
    resources: Mapping[str, Resource] = field(init=False)

    def __post_init__(self) -> None:
        resources = {
            logical_id: Resource(logical_id=logical_id, type=definition["Type"], definition=definition)
            for logical_id, definition in self.document.get("Resources", {}).items()
        }
        object.__setattr__(self, "resources", resources)

    @classmethod
    def load_all(cls: type[Self], paths: Mapping[str, Path], *, environments: Sequence[Environment]) -> list[Self]:
        """Reads the templates of an assembly.

        Args:
            paths: The template files, by the construct path of their stack.
            environments: Every environment, in the order of their delivery.
        """
        assembly: dict[str, Template] = {}
        templates = [
            cls(
                stack=stack,
                environments=tuple(environments),
                document=json.loads(path.read_text(encoding="utf-8")),
                assembly=assembly,
            )
            for stack, path in paths.items()
        ]
        assembly.update((template.stack, template) for template in templates)
        return templates

    @property
    def environment(self) -> Environment | None:
        """The environment whose Stage the stack is in; None for a stack of the delivery itself.

        A Stage is called like its environment, and a construct path cannot be changed from below.
        """
        around = self.stack.split("/")[:-1]
        return next((environment for environment in self.environments if environment.name in around), None)

    @property
    def retains_data(self) -> bool:
        """Whether data outlives the stack: where its environment says so, and where it has none."""
        return self.environment is None or self.environment.retains_data

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources.values() if resource.type in types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of our own.

    Args:
        id: The requirement that it is foremost about, and its subject, such as ``PCI-10.5.1-LogRetention``.
        requirements: Every requirement of PCI DSS 4.0.1 that it helps to keep.
        asks: One sentence: what must be so.
        remedy: One sentence: what to do about a finding.
        types: The resource types that it judges.
        judge: Finds what breaks it in a template.
    """

    id: str
    requirements: tuple[str, ...]
    asks: str
    remedy: str
    types: tuple[str, ...]
    judge: Callable[[Template], Iterator[Finding]]

    def findings(self, template: Template) -> list[Finding]:
        """What it finds in a template, each place once: one value may leave several questions open."""
        found = {(finding.logical_id, finding.location): finding for finding in self.judge(template)}
        return list(found.values())


HANDED_ON = "AWS::SSM::Parameter"


def referent(template: Template, value: object) -> tuple[Template, Resource] | None:
    """The resource that a value stands for, with its template; None where the assembly does not tell.

    Follows ``Ref`` and ``Fn::GetAtt`` inside the template, and from one stack to another an SSM parameter, as a
    template's parameter or a dynamic reference, and ``Fn::GetStackOutput``.
    """
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in template.resources:
            return template, template.resources[name]
        case {"Ref": str(name)}:
            parameter = template.document.get("Parameters", {}).get(name, {})
            handed_on = str(parameter.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")
            return _behind_parameter(template, parameter.get("Default")) if handed_on else None
        case str() if value.startswith("{{resolve:ssm:") and value.endswith("}}"):
            return _behind_parameter(template, value.removeprefix("{{resolve:ssm:").removesuffix("}}"))
        case {"Fn::GetStackOutput": {"StackName": str(stack), "OutputName": str(output)}}:
            return _behind_output(template, stack=stack, output=output)
        case _:
            return None


def _behind_parameter(template: Template, name: object) -> tuple[Template, Resource] | None:
    for other in template.assembly.values():
        for parameter in other.of_type(HANDED_ON):
            if name is not None and parameter.at("Name") == name:
                return _in_template(other, parameter.at("Value"))
    return None


def _behind_output(template: Template, *, stack: str, output: str) -> tuple[Template, Resource] | None:
    for other in template.assembly.values():
        # A stack in a Stage is called like both, PipelineStack/Dev/Payment becomes Dev-Payment.
        if "-".join(other.stack.split("/")[-2:]) == stack:
            return _in_template(other, other.document.get("Outputs", {}).get(output, {}).get("Value"))
    return None


def _in_template(template: Template, value: object) -> tuple[Template, Resource] | None:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]} if name in template.resources:
            return template, template.resources[name]
        case _:
            return None
