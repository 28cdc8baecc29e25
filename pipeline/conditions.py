"""The gates of a delivery as a document: whoever changes one changes it, and that is told."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from stages.environment import Environment, SettingsError
from stages.names import gate_reader_name, resource_name, role_arn


class Conditions:
    """The conditions of a pipeline that has been built.

    An alarm and a window never stand in one condition: the alarm is not looked at again once the window has opened.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html

    Args:
        pipeline: The pipeline, all of its stages in place.

    Attributes:
        by_stage: The conditions that were put on it, by stage and kind.
    """

    def __init__(self, pipeline: codepipeline.Pipeline) -> None:
        self._pipeline = pipeline
        self.by_stage: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._places = {stage.stage_name: place for place, stage in enumerate(pipeline.stages)}

    def hold(self, environment: Environment) -> None:
        """Puts an environment's own conditions on its stage.

        Before it the deployment window, if it has one. After it the gate alarm, watched while the release bakes. A
        failure is rolled back; where nothing bakes, and so nothing was promised, the stage is tried once more. All of
        it: a change set is executed once, so a failed Deploy by itself would fail again, whatever its cause was.
        """
        if window := environment.deployment_window:
            rule = _rule("DeploymentWindow", Configuration={"Cron": window.cron, "TimeZone": window.time_zone})
            self._set(environment.name, "BeforeEntry", {"Conditions": [{"Result": "FAIL", "Rules": [rule]}]})
        if environment.bake_minutes is None:
            retry = {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "ALL_ACTIONS"}}
            self._set(environment.name, "OnFailure", retry)
            return
        self._set(environment.name, "OnFailure", {"Result": "ROLLBACK"})
        reader = role_arn(gate_reader_name(environment), environment)
        self._pipeline.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[reader], sid=f"GateOf{environment.name}")
        )
        rule = _rule(
            "CloudWatchAlarm",
            Configuration={
                "AlarmName": resource_name("gate", environment),
                "WaitTime": str(environment.bake_minutes),
            },
            Region=environment.primary_region,
            RoleArn=reader,
        )
        result = "ROLLBACK" if environment.retains_data else "FAIL"
        self._set(environment.name, "OnSuccess", {"Conditions": [{"Result": result, "Rules": [rule]}]})

    def skip_unless(self, stage: str, *, variable: str, value: str) -> None:
        """Lets a stage be entered only where a variable of an earlier action has a value; otherwise it is skipped.

        Args:
            stage: The stage's name.
            variable: As a later action refers to it, such as ``#{namespace.NAME}``.
            value: The one value that lets it be entered.
        """
        rule = _rule("VariableCheck", Configuration={"Variable": variable, "Value": value, "Operator": "EQ"})
        self._set(stage, "BeforeEntry", {"Conditions": [{"Result": "SKIP", "Rules": [rule]}]})

    def _set(self, stage: str, kind: str, conditions: Mapping[str, Any]) -> None:
        resource = self._pipeline.node.default_child
        assert isinstance(resource, codepipeline.CfnPipeline)  # noqa: S101 - an L2 construct's default child
        self.by_stage.setdefault(stage, {})[kind] = conditions
        resource.add_property_override(f"Stages.{self._places[stage]}.{kind}", conditions)


def _rule(provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": "Rule", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": provider, "RuleTypeId": kind, **more}


PARAMETER = "/payment/delivery/gates"
LONGEST = 8192
"""Characters of an advanced SSM parameter, which it becomes above 4096: with some eight environments."""
GATES = {"Manual": " is approved", "Lambda": " judges", "CodeBuild": " passes"}
"""What an action has to do before the next one runs, by its provider; the others deploy."""


def gates_document(
    pipeline: codepipeline.Pipeline, *, conditions: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> str:
    """How releases follow each other, and every stage with its actions in order and its conditions, as JSON.

    Args:
        pipeline: The pipeline, built.
        conditions: The V2 conditions by stage and kind, as they were put on it.

    Raises:
        SettingsError: When it does not fit into an SSM parameter.
    """
    resource = pipeline.node.default_child
    assert isinstance(resource, codepipeline.CfnPipeline)  # noqa: S101 - an L2 construct's default child
    # Once and as a whole: an action's properties, asked for one by one, are a message to the CDK each.
    declared = Stack.of(pipeline).resolve(resource.stages)
    stages = {stage["name"]: list(_gates(stage["actions"], conditions.get(stage["name"], {}))) for stage in declared}
    text = json.dumps({"Releases": resource.execution_mode, "Stages": stages}, indent=1)
    if len(text) > LONGEST:
        raise SettingsError(
            [
                f"delivery.environments has more gates than {PARAMETER} can carry "
                f"({len(text)} of {LONGEST} characters): deliver to fewer environments, or in two pipelines."
            ]
        )
    return text


def _gates(actions: Sequence[Mapping[str, Any]], conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for action in sorted(actions, key=lambda action: (action["runOrder"], action["name"])):
        yield f"{action['name']}{GATES.get(action['actionTypeId']['provider'], '')}"
    for name, condition in sorted(conditions.items()):
        yield f"{name}: {_told(condition)}"


def _told(condition: Mapping[str, Any]) -> str:
    rules = [
        f"{rule['RuleTypeId']['Provider']} {json.dumps(rule['Configuration'], sort_keys=True)} or {each['Result']}"
        for each in condition.get("Conditions", [])
        for rule in each["Rules"]
    ]
    return "; ".join([*([condition["Result"]] if "Result" in condition else []), *rules])
