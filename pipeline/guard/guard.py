"""The change-set guard: nothing that stores data is deleted or replaced unless the settings name that very change."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Duration, pipelines
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.inline_function import InlineFunction
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from stages.environment import Environment, SettingsError
from stages.names import lookup_role_arn


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


CODE = Path(__file__).with_name("handler.py")
CHANGE_SET = "PipelineChange"
"""What CDK Pipelines calls every change set."""
MOST_PARAMETERS = 1000
"""https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html"""


class Guard(Construct):
    """A function that looks at a change set after it was made and before it is executed.

    It looks in the target account, as the role that `cdk bootstrap` made for looking, and answers in seconds: a build
    would take a minute to start, six times on the way to production.

    Args:
        environments: Whose change sets it may look at.
        log_key: Encrypts its log; it allows log groups.
        topic: Is told of a job that it could not even answer.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environments: Sequence[Environment],
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=True)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        looking = [
            lookup_role_arn(environment, region)
            for environment in environments
            for region in (environment.primary_region, environment.dr_region)
        ]
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
                ),
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=sorted(set(looking))),
                iam.PolicyStatement(
                    actions=["codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"], resources=["*"]
                ),
            ],
        )
        topic.allow_failed_events(policy)
        self.function = InlineFunction(
            self,
            "Function",
            code=CODE,
            timeout=Duration.minutes(2),
            role=role.without_policy_updates(),
            log_group=log_group,
            topic=topic,
        )
        self.function.node.add_dependency(policy)
        acknowledge(
            policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="Answering a job has no resource to name; whoever answers must know the id that the job was given.",
        )
        acknowledge(
            self.function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only the pipeline invokes it, one stack after the other.",
        )
        acknowledge(
            self.function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control="It calls AWS's control plane over TLS; the tooling account has no VPC to be inside of.",
        )

    def step(self, environment: Environment, *, stack: str, region: str, allowed: Collection[str]) -> GuardStep:
        """The step between a stack's Prepare and its Deploy.

        Args:
            environment: Whose stack it is.
            stack: The stack as CloudFormation knows it.
            region: Where it stands.
            allowed: The changes that are allowed, of whatever stack.

        Raises:
            SettingsError: When more changes are allowed than an action can carry.
        """
        parameters = json.dumps(
            {
                "stack": stack,
                "change_set": CHANGE_SET,
                "region": region,
                "role": lookup_role_arn(environment, region),
                "allowed": [entry for entry in allowed if entry.startswith(f"{stack}/")],
            }
        )
        if len(parameters) > MOST_PARAMETERS:
            raise SettingsError(
                [
                    f"delivery.allowed_changes names more changes of {stack} than a pipeline's action can carry "
                    f"({len(parameters)} of {MOST_PARAMETERS} characters): deliver them in several releases."
                ]
            )
        return GuardStep("Guard", function=self.function, parameters=parameters)
