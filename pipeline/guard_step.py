"""A step of the delivery that asks a function, and goes on when that says so."""

from typing import Any

import jsii
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import pipelines


@jsii.implements(pipelines.ICodePipelineActionFactory)
class GuardStep(pipelines.Step):
    """An action that invokes a function; CDK Pipelines has builds and approvals only.

    Args:
        function: Answers with PutJobSuccessResult or PutJobFailureResult.
        parameters: What it is told, at most 1000 characters.
    """

    def __init__(self, step_id: str, *, function: lambda_.IFunction, parameters: str) -> None:
        super().__init__(step_id)
        self._function, self._parameters = function, parameters

    @jsii.member(jsii_name="produceAction")
    def produce_action(
        self, stage: codepipeline.IStage, *, action_name: str, run_order: float, **_options: Any
    ) -> pipelines.CodePipelineActionFactoryResult:
        """Adds the action; CDK Pipelines says where."""
        stage.add_action(
            actions.LambdaInvokeAction(
                action_name=action_name,
                run_order=run_order,
                lambda_=self._function,
                user_parameters_string=self._parameters,
            )
        )
        return pipelines.CodePipelineActionFactoryResult(run_orders_consumed=1)
