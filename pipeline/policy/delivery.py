"""The conditions of the environments' stages: what happens on failure, what must be well, and when it may begin."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.policy.template import Finding, PropertyPath, Resource, Rule, Template
from stages.environment import Environment
from stages.names import resource_name

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

    path: PropertyPath
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


def _action(pipeline: Resource, path: PropertyPath) -> DeliveryAction:
    configuration = pipeline.at(*path, "Configuration")
    run_order = pipeline.at(*path, "RunOrder")
    return DeliveryAction(
        path=path,
        kind=(str(pipeline.at(*path, "ActionTypeId", "Category")), str(pipeline.at(*path, "ActionTypeId", "Provider"))),
        name=str(pipeline.at(*path, "Name")),
        run_order=run_order if isinstance(run_order, int) else 1,
        configuration=configuration if isinstance(configuration, dict) else {},
    )


def _queued(template: Template) -> Iterator[Finding]:
    for pipeline in template.of_type(PIPELINE):
        # V1 knows no conditions: every gate that is one would be left out.
        for name, value in (("PipelineType", "V2"), ("ExecutionMode", "QUEUED"), ("RestartExecutionOnUpdate", True)):
            if pipeline.at(name) != value:
                yield pipeline.finding(name)


def _approved(template: Template) -> Iterator[Finding]:
    for stages, stage, environment in deployments(template):
        if environment is template.environments[0]:
            continue
        if not any(_is_gate(before, environment) for before in _since_the_last_deployment(stages, stage, template)):
            yield stage.finding("Name")


def _since_the_last_deployment(
    stages: tuple[DeliveryStage, ...], stage: DeliveryStage, template: Template
) -> Iterator[DeliveryStage]:
    """What lies between a deployment and the one before it: an approval further up approved something unproved."""
    for before in reversed(stages[: stage.index]):
        if any(before.deploys(environment) for environment in template.environments):
            return
        yield before


def _is_gate(stage: DeliveryStage, environment: Environment) -> bool:
    if not any(action.kind == ("Approval", "Manual") for action in stage.actions):
        return False
    entry = list(stage.conditions("BeforeEntry"))
    if stage.at("BeforeEntry") is None:
        return True
    return not environment.retains_data and [_skips_what_broadens_nothing(*rule) for rule in entry] == [True]


def _skips_what_broadens_nothing(result: str, rule: dict[str, object]) -> bool:
    asked = rule.get("Configuration")
    return (
        (result, provider(rule)) == ("SKIP", "VariableCheck")
        and isinstance(asked, dict)
        and str(asked.get("Variable")).endswith(".PLAN_BROADENS}")
        and (asked.get("Value"), asked.get("Operator")) == ("yes", "EQ")
    )


RELEASES_QUEUED = Rule(
    id="PCI-6.5.1-ReleasesQueued",
    requirements=("6.5.1",),
    asks="The delivery is a V2 pipeline whose releases queue, so that no later one overtakes the approved one, "
    "and which starts over when it has changed itself.",
    remedy="Give PipelineType V2, ExecutionMode QUEUED and RestartExecutionOnUpdate.",
    types=(PIPELINE,),
    judge=_queued,
)
APPROVED_FIRST = Rule(
    id="PCI-6.5.1-ApprovedFirst",
    requirements=("6.5.1",),
    asks="Between the deployment of an environment and the one before it stands an approval; where data is retained it "
    "is always asked for, elsewhere it may be skipped only while no permission is broadened.",
    remedy="Put the stage with the manual approval back, in front of the environment's stage.",
    types=(PIPELINE,),
    judge=_approved,
)


def _guarded(template: Template) -> Iterator[Finding]:
    for _, stage, _ in deployments(template):
        for action in stage.actions:
            mode = action.configuration.get("ActionMode")
            prepares = mode == "CHANGE_SET_REPLACE"
            if action.stack and not prepares and not _is_guarded(action, stage):
                yield stage.pipeline.finding(*action.path, "Configuration", "ActionMode")


def _is_guarded(execution: DeliveryAction, stage: DeliveryStage) -> bool:
    """Whether it executes a change set that was made before, with a judgement of just that one in between."""
    if execution.configuration.get("ActionMode") != "CHANGE_SET_EXECUTE":
        return False
    change_set = execution.configuration.get("ChangeSetName")
    made = [
        action.run_order
        for action in stage.actions
        if (action.stack, action.configuration.get("ChangeSetName"), action.configuration.get("ActionMode"))
        == (execution.stack, change_set, "CHANGE_SET_REPLACE")
    ]
    return any(
        order < action.run_order < execution.run_order
        for order in made
        for action in stage.actions
        if action.kind == ("Invoke", "Lambda")
        and {execution.stack, change_set} <= {str(value) for value in action.user_parameters.values()}
    )


def _verified(template: Template) -> Iterator[Finding]:
    for _, stage, _ in deployments(template):
        last = max(action.run_order for action in stage.actions if action.stack)
        if not any(
            action.kind[1] == "CodeBuild" and action.name.startswith("Verify") and action.run_order > last
            for action in stage.actions
        ):
            yield stage.finding("Name")


CHANGES_GUARDED = Rule(
    id="PCI-6.5.1-ChangesGuarded",
    requirements=("6.5.1",),
    asks="A stack is deployed by executing a change set that a guard has judged since it was made.",
    remedy="Put the guard back between Prepare and Deploy of the stack; deploy in no other way.",
    types=(PIPELINE,),
    judge=_guarded,
)
DEPLOYMENTS_VERIFIED = Rule(
    id="PCI-6.5.2-DeploymentsVerified",
    requirements=("6.5.2",),
    asks="An environment is verified after its last stack was deployed.",
    remedy="Put the verification back behind the environment's deployments.",
    types=(PIPELINE,),
    judge=_verified,
)


def _judge(template: Template) -> Iterator[Finding]:
    first = template.environments[:1]
    for _, stage, environment in deployments(template):
        retained = environment.retains_data
        if stage.at("OnFailure", "Result") not in (("ROLLBACK",) if retained else ("ROLLBACK", "RETRY")):
            yield stage.finding("OnFailure", "Result")
        if environment not in first and not _waits_for_the_gate(stage, environment):
            yield stage.finding("OnSuccess")
        if retained and not any(
            (result, provider(rule)) == ("FAIL", "DeploymentWindow") for result, rule in stage.conditions("BeforeEntry")
        ):
            yield stage.finding("BeforeEntry")
    for pipeline in template.of_type(PIPELINE):
        for stage in delivery_stages(pipeline):
            for kind in ("BeforeEntry", "OnSuccess", "OnFailure"):
                if {"CloudWatchAlarm", "DeploymentWindow"} <= {provider(rule) for _, rule in stage.conditions(kind)}:
                    yield stage.finding(kind, "Conditions")


def _waits_for_the_gate(stage: DeliveryStage, environment: Environment) -> bool:
    results = ("ROLLBACK",) if environment.retains_data else ("ROLLBACK", "FAIL")
    return any(
        result in results
        and provider(rule) == "CloudWatchAlarm"
        and rule.get("Configuration", {}).get("AlarmName") == resource_name("gate", environment)
        for result, rule in stage.conditions("OnSuccess")
    )


STAGES_CONDITIONED = Rule(
    id="PCI-6.5.2-StagesConditioned",
    requirements=("6.5.1", "6.5.2"),
    asks="A failed deployment is rolled back (or tried again where no data is retained), every environment but the "
    "first waits for its gate alarm, and one that retains data is entered in its deployment window only; an alarm and "
    "a window never stand in one condition.",
    remedy="Put the condition back in pipeline/conditions.py.",
    types=(PIPELINE,),
    judge=_judge,
)
