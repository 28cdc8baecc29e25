"""The change-set guard: stops a change set that loses stored data or traffic, unless the settings allow the change."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Duration, Stack, pipelines
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from pipeline.digests import CONTENT
from pipeline.digests.recorder import recorded
from pipeline.function import JOB, job_function, pipeline_arn
from pipeline.guard.losses import ALLOWED
from pipeline.steps import EXECUTION
from stages.environment import Environment, SettingsError
from stages.names import GUARD_ROLE, payment_stack_name, plan_role_name, resource_name, role_arn

CODE = Path(__file__).with_name("handler.py")
IMPORTS = (CONTENT, JOB, Path(__file__).with_name("losses.py"))
"""The modules of this project that the code contains."""
CHANGE_SET = "PipelineChange"
"""The name that CDK Pipelines gives every change set."""


@jsii.implements(pipelines.ICodePipelineActionFactory)
class GuardStep(pipelines.Step):
    """An action that invokes the guard; CDK Pipelines itself has steps for builds and approvals only."""

    def __init__(self, *, function: lambda_.IFunction, parameters: str) -> None:
        super().__init__("Guard")
        self._function, self._parameters = function, parameters

    @jsii.member(jsii_name="produceAction")
    def produce_action(
        self, stage: codepipeline.IStage, *, action_name: str, run_order: float, **_options: Any
    ) -> pipelines.CodePipelineActionFactoryResult:
        """Adds the action where CDK Pipelines puts it."""
        stage.add_action(
            actions.LambdaInvokeAction(
                action_name=action_name,
                run_order=run_order,
                lambda_=self._function,
                user_parameters_string=self._parameters,
            )
        )
        return pipelines.CodePipelineActionFactoryResult(run_orders_consumed=1)


class Guard(Construct):
    """A function that checks a change set after it was created and before it is executed.

    It reads the change set in the target account, in the role of the plan, and answers within seconds: a build would
    take a minute to start, six times on the path to production.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        environments: Sequence[Environment],
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._pipeline = pipeline
        readers = [role_arn(plan_role_name(environment), environment) for environment in environments]
        self.function = job_function(
            self,
            code=CODE,
            imports=IMPORTS,
            timeout=Duration.minutes(2),
            statements=[
                # They may read the change set, both templates, the assets and the deployment's alarm.
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=readers),
                iam.PolicyStatement(
                    actions=["codepipeline:GetPipelineExecution"],
                    resources=[pipeline_arn(self, pipeline)],
                ),
            ],
            invoked_by="Only the pipeline invokes it, for one stack at a time.",
            log_key=log_key,
            topic=topic,
            role_name=GUARD_ROLE,
        )

    def step(self, environment: Environment, *, stack: str, region: str | None) -> GuardStep:
        """The step between the Prepare and the Deploy action of a stack.

        Raises:
            SettingsError: When the stack is in a region that the guard cannot read.
        """
        regions = (environment.primary_region, environment.dr_region)
        if region not in regions:
            raise SettingsError(
                [f"{stack} is in {region}, where the guard reads no change set: give {' or '.join(regions)}."]
            )
        parameters = {
            "stack": stack,
            "change_set": CHANGE_SET,
            "region": region,
            "role": role_arn(plan_role_name(environment), environment),
            "pipeline": self._pipeline,
            "execution": EXECUTION,
            "digests": recorded(stack),
        }
        if stack == payment_stack_name(environment):
            parameters["alarm"] = resource_name("deployment", environment)
        return GuardStep(function=self.function, parameters=json.dumps(parameters))


def allow_changes(stack: Stack, changes: Sequence[str]) -> None:
    """Writes the allowed changes of a stack into its template, where the guard reads them.

    Not into the pipeline: a changed action would leave the release that needs it without a target for its rollback.
    """
    if own := [change for change in changes if change.startswith(f"{stack.stack_name}/")]:
        stack.add_metadata(ALLOWED, own)
