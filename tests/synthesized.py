"""A synthesized delivery, read from disk the way that CloudFormation would."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk

import app as entry_point
from pipeline.delivery import Delivery
from rehearsal.assembly import stacks

Template = dict[str, Any]

RELEASE = "0" * 40
"""The commit that a synthesis of the tests is of."""


class Assembly:
    """The templates of a cloud assembly by the names of their stacks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stacks = {stack.name: stack for stack in stacks(directory)}

    @cache  # noqa: B019 - one assembly per session
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

    def validation_report(self) -> dict[str, dict[str, Any]]:
        """What each policy pack and validator said, by its name."""
        return report_in(self.directory)

    def acknowledgements(self) -> Iterator[tuple[str, str, str]]:
        """Every acknowledgement that was given: the construct's path, the rule, the compensating control."""
        for path in self.directory.rglob("*.metadata.json"):
            for place, entries in json.loads(path.read_text(encoding="utf-8")).items():
                for entry in entries:
                    if entry["type"] == "aws:cdk:acknowledged-rules":
                        for rule, control in entry["data"].items():
                            yield place.lstrip("/"), rule, control


def synthesize(directory: Path, *, context: Mapping[str, Any]) -> tuple[Delivery, Assembly]:
    """Synthesizes what a context describes, with every pack and validator on."""
    app = cdk.App(analytics_reporting=False, context={**context, "release": RELEASE}, outdir=str(directory))
    delivery = entry_point.load(app)
    entry_point.synthesize(app, delivery)
    return delivery, Assembly(directory)


def synthesize_small(directory: Path, *, context: Mapping[str, Any], delivery: Delivery) -> Assembly:
    """Synthesizes a delivery to the first two environments alone, for what does not ask for more."""
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(directory))
    entry_point.synthesize(app, replace(delivery, environments=delivery.environments[:2]))
    return Assembly(directory)


def report_in(directory: Path) -> dict[str, dict[str, Any]]:
    """The validation report of a cloud assembly, also of one whose synthesis failed."""
    report = json.loads((directory / "validation-report.json").read_text(encoding="utf-8"))
    return {plugin["pluginName"]: plugin for plugin in report["pluginReports"]}


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
