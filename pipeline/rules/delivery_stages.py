"""The stages of the delivery pipeline as the rules about its gates read them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.rules.resource import Finding, Path, Resource
from pipeline.rules.template import Template
from stages.environment import Environment

PIPELINE = "AWS::CodePipeline::Pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAction:
    """An action of a stage.

    Args:
        path: Where it stands in the pipeline's properties.
        kind: Its category and provider, such as ``("Deploy", "CloudFormation")``.
        name: Its name.
        run_order: Its place in the stage.
        configuration: Its configuration.
    """

    path: Path
    kind: tuple[str, str]
    name: str
    run_order: int
    configuration: dict[str, Any]

    @property
    def stack(self) -> str:
        """The stack that it deploys; empty for one that deploys none."""
        return str(self.configuration.get("StackName", "")) if self.kind == ("Deploy", "CloudFormation") else ""

    @property
    def user_parameters(self) -> dict[str, Any]:
        """What a function is invoked with; empty where a template does not spell it out."""
        try:
            parameters = json.loads(self.configuration.get("UserParameters", ""))
        except (TypeError, ValueError):
            return {}
        return parameters if isinstance(parameters, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStage:
    """A stage of a pipeline.

    Args:
        pipeline: The pipeline.
        index: Its place among the stages.
        name: Its name.
        actions: Its actions.
    """

    pipeline: Resource
    index: int
    name: str
    actions: tuple[DeliveryAction, ...]

    def at(self, *path: str | int) -> object:
        """What stands at a path below the stage."""
        return self.pipeline.at("Stages", self.index, *path)

    def finding(self, *path: str | int) -> Finding:
        """A finding about what stands at a path below the stage."""
        return self.pipeline.finding("Stages", self.index, *path)

    def deploys(self, environment: Environment) -> bool:
        """Whether it deploys a stack of an environment, whatever the stage is called."""
        return any(action.stack.startswith(f"{environment.name}-") for action in self.actions)

    def conditions(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rules of its conditions of one kind, each with the condition's result."""
        for condition in self.pipeline.each("Stages", self.index, kind, "Conditions"):
            for rule in self.pipeline.each(*condition, "Rules"):
                found = self.pipeline.at(*rule)
                if isinstance(found, dict):
                    yield str(self.pipeline.at(*condition, "Result")), found


def delivery_stages(pipeline: Resource) -> tuple[DeliveryStage, ...]:
    """The stages of a pipeline, in their order."""
    return tuple(
        DeliveryStage(
            pipeline=pipeline,
            index=int(path[-1]),
            name=str(pipeline.at(*path, "Name")),
            actions=tuple(_action(pipeline, place) for place in pipeline.each(*path, "Actions")),
        )
        for path in pipeline.each("Stages")
        if len(path) > 1
    )


def deployments(template: Template) -> Iterator[tuple[tuple[DeliveryStage, ...], DeliveryStage, Environment]]:
    """Every stage that deploys an environment, with all the stages of its pipeline and the environment."""
    for pipeline in template.of_type(PIPELINE):
        stages = delivery_stages(pipeline)
        for stage in stages:
            for environment in template.environments:
                if stage.deploys(environment):
                    yield stages, stage, environment


def provider(rule: dict[str, Any]) -> str:
    """The provider of a condition's rule."""
    return str(rule.get("RuleTypeId", {}).get("Provider"))


def _action(pipeline: Resource, path: Path) -> DeliveryAction:
    configuration = pipeline.at(*path, "Configuration")
    run_order = pipeline.at(*path, "RunOrder")
    return DeliveryAction(
        path=path,
        kind=(str(pipeline.at(*path, "ActionTypeId", "Category")), str(pipeline.at(*path, "ActionTypeId", "Provider"))),
        name=str(pipeline.at(*path, "Name")),
        run_order=run_order if isinstance(run_order, int) else 1,
        configuration=configuration if isinstance(configuration, dict) else {},
    )
