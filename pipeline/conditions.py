"""The conditions of the pipeline's stages."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from payment_constructs.monitoring.gate import GATE_ALARMS
from stages.environment import Environment
from stages.names import gate_reader_name, resource_name, role_arn


class Conditions:
    """Sets the conditions of the stages of a pipeline that has been built.

    An alarm and a window are never in one condition: the alarm is not checked again once the window has opened.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
    """

    def __init__(self, pipeline: codepipeline.Pipeline) -> None:
        self._pipeline = pipeline
        self._index = {stage.stage_name: index for index, stage in enumerate(pipeline.stages)}

    def add_environment(self, environment: Environment) -> None:
        """Sets the conditions of an environment's stage.

        Before it the deployment window, if it has one. After it the gate alarms, watched while the release bakes. A
        stage that fails, or of which a gate alarm is on, is rolled back; without a bake time all of it is retried once
        instead. Not the failed action alone: a change set can be executed only once, so that a retried Deploy would
        fail whatever the cause was.
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
        rules = [
            _rule(
                "CloudWatchAlarm",
                Name=gate,  # the console shows a rule by its name
                Configuration={
                    "AlarmName": resource_name(gate, environment),
                    "WaitTime": str(environment.bake_minutes),
                },
                Region=environment.primary_region,
                RoleArn=reader,
            )
            for gate in GATE_ALARMS
        ]
        self._set(environment.name, "OnSuccess", {"Conditions": [{"Result": "ROLLBACK", "Rules": rules}]})

    def skip_if(self, stage: str, *, variable: str, value: str) -> None:
        """Skips a stage if a variable of an earlier action, such as ``#{namespace.NAME}``, has that value.

        A rule that does not hold skips the stage, so it holds for every other value, also for an unexpected one.
        """
        rule = _rule("VariableCheck", Configuration={"Variable": variable, "Value": value, "Operator": "NE"})
        self._set(stage, "BeforeEntry", {"Conditions": [{"Result": "SKIP", "Rules": [rule]}]})

    def _set(self, stage: str, kind: str, conditions: Mapping[str, Any]) -> None:
        resource = self._pipeline.node.default_child
        assert isinstance(resource, codepipeline.CfnPipeline)  # noqa: S101 - an L2 construct's default child
        resource.add_property_override(f"Stages.{self._index[stage]}.{kind}", conditions)


def _rule(provider: str, **more: Any) -> dict[str, Any]:
    kind = {"Category": "Rule", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": provider, "RuleTypeId": kind, **more}
