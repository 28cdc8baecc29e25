"""The hold before the pipeline's update of itself, which would cancel the releases in later stages."""

import json
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic
from pipeline.digests import CONTENT
from pipeline.function import JOB, job_function, pipeline_arn

CODE = Path(__file__).with_name("self_mutation_handler.py")
STAGE = "UpdatePipeline"
ASSEMBLY = "Synth_Output"
"""The names that CDK Pipelines gives the stage of its action SelfMutate, and the input of that."""


class UpdateHold(Construct):
    """An action before SelfMutate that waits while a later stage works, if the pipeline's template changes.

    It is an action and no entry condition: only an action is documented to be invoked again until it is done
    (docs/decisions/0011). To be created once the pipeline is built.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: codepipeline.Pipeline,
        name: str,
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.function: lambda_.IFunction = job_function(
            self,
            code=CODE,
            imports=[CONTENT, JOB],
            timeout=Duration.minutes(1),
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:GetPipelineState"],
                    resources=[pipeline_arn(self, name)],
                ),
                iam.PolicyStatement(actions=["cloudformation:GetTemplate"], resources=[stack.stack_id]),
            ],
            invoked_by="Only the pipeline invokes it, before an update of itself.",
            log_key=log_key,
            topic=topic,
        )
        parameters = {"pipeline": name, "stage": STAGE, "stack": stack.stack_id, "template": stack.template_file}
        stages = [stage.stage_name for stage in pipeline.stages]
        index = stages.index(STAGE)
        pipeline.stages[index].add_action(
            actions.LambdaInvokeAction(
                action_name="Hold",
                lambda_=self.function,
                inputs=[codepipeline.Artifact.artifact(ASSEMBLY)],
                user_parameters_string=json.dumps(parameters),
            )
        )
        resource = pipeline.node.default_child
        assert isinstance(resource, codepipeline.CfnPipeline)  # noqa: S101 - an L2 construct's default child
        # CDK Pipelines adds SelfMutate first, as the only action of run order 1.
        resource.add_property_override(f"Stages.{index}.Actions.0.RunOrder", 2)
