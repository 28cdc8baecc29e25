"""The separation of duties at the pipeline: approvers approve, and only the pipeline's own roles deliver."""

from collections.abc import Sequence

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from pipeline.artifacts import ArtifactStore
from pipeline.roles import acknowledge_plans
from stages.names import ASSETS_ROLE, FINDINGS_ROLE, GUARD_ROLE, IMAGE_ASSETS_ROLE, PIPELINE_ROLE, SELF_MUTATION_ROLE

APPROVER = "payment-delivery-approver"
NO_OVERRIDE = "payment-delivery-no-override"
WATCHER = "payment-delivery-watcher"
"""The name of each resource of the watcher (pipeline/bootstrap/watcher.py), or how it begins."""


def watcher_arns(account: str) -> list[str]:
    """The watcher and the stack that creates it, which neither the delivery nor its people change."""
    return [
        f"arn:aws:cloudformation:*:{account}:stack/payment-delivery-permissions/*",
        f"arn:aws:events:*:{account}:rule/{WATCHER}*",
        f"arn:aws:iam::{account}:role/{WATCHER}",
        f"arn:aws:lambda:*:{account}:function:{WATCHER}*",
        f"arn:aws:logs:*:{account}:log-group:/aws/lambda/{WATCHER}*",
        f"arn:aws:sns:*:{account}:{WATCHER}*",  # its subscriptions too
    ]


class SeparationOfDuties(Construct):
    """Two managed policies, to attach to the roles of an identity provider (PCI DSS 6.5.1, 7.2.5).

    Approvers can only approve, and read the plan that they approve. Every other role in the account gets the denial:
    it answers no approval. Neither can lead a release past a gate: override a stage condition, change the pipeline or
    what it runs, report the result of its jobs, write its artifacts, use its roles and those of `cdk bootstrap`, or
    change the watcher.
    On-call may still stop an execution and, each with a notification, disable and enable a transition, retry, and roll
    back a stage.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_arn: str,
        approvals: Sequence[str],
        plans: ArtifactStore,
        projects: Sequence[codebuild.IProject],
        functions: Sequence[lambda_.IFunction],
        buckets: Sequence[s3.IBucket],
    ) -> None:
        super().__init__(scope, construct_id)
        denials = [
            _changes_of_the_delivery(
                self, pipeline_arn=pipeline_arn, projects=projects, functions=functions, buckets=buckets
            ),
            _denial(self, ["codepipeline:PutJob*", "codepipeline:PutThirdPartyJob*"], ["*"]),
            _uses_of_its_roles(self),
        ]
        # A new description replaces a managed policy, and fails while its name is in use.
        approver = iam.ManagedPolicy(
            self,
            "Approver",
            managed_policy_name=APPROVER,
            description="Answers the approvals of the payment delivery, and does nothing else.",
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:PutApprovalResult"],
                    resources=[f"{pipeline_arn}/{name}/{name}" for name in approvals],
                ),
                iam.PolicyStatement(actions=["s3:GetObject"], resources=[plans.bucket.arn_for_objects("plans/*")]),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[plans.key.key_arn]),
                *denials,
            ],
        )
        acknowledge_plans(approver, bucket=plans.bucket, plans="plans/*")
        iam.ManagedPolicy(
            self,
            "NoOverride",
            managed_policy_name=NO_OVERRIDE,
            description="Keeps everybody but the pipeline from leading a release past a gate.",
            statements=[*denials, _denial(self, ["codepipeline:PutApprovalResult"], [f"{pipeline_arn}/*"])],
        )


def _changes_of_the_delivery(
    scope: Construct,
    *,
    pipeline_arn: str,
    projects: Sequence[codebuild.IProject],
    functions: Sequence[lambda_.IFunction],
    buckets: Sequence[s3.IBucket],
) -> iam.PolicyStatement:
    """Denies changes of the pipeline, its builds, functions, artifacts and stacks, and of the watcher.

    A build started by a person may run other commands than the project's. CloudFormation uses the role of a stack
    without `iam:PassRole`:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    stack = Stack.of(scope)
    stacks = [
        f"arn:aws:cloudformation:*:{stack.account}:stack/{name}/*" for name in (stack.stack_name, "PipelineArtifacts-*")
    ]
    return _denial(
        scope,
        [
            *(f"cloudformation:{call}" for call in ("CreateChangeSet", "DeleteStack", "ExecuteChangeSet")),
            *(f"cloudformation:{call}" for call in ("RollbackStack", "SetStackPolicy", "UpdateStack")),
            *(f"codebuild:{verb}*" for verb in ("Create", "Delete", "Retry", "Start", "Update")),
            *(f"codepipeline:{call}" for call in ("CreatePipeline", "DeletePipeline")),
            *(f"codepipeline:{call}" for call in ("OverrideStageCondition", "UpdatePipeline")),
            *(f"events:{verb}*" for verb in ("Delete", "Disable", "Put", "Remove")),
            *(f"lambda:{verb}*" for verb in ("Add", "Create", "Delete", "Invoke", "Put", "Remove", "Update")),
            *(f"logs:{verb}*" for verb in ("Delete", "Put")),
            *(f"s3:{verb}*" for verb in ("Delete", "Put", "Replicate")),
            *(f"sns:{verb}*" for verb in ("Add", "Delete", "Publish", "Remove", "Set", "Unsubscribe")),
        ],
        [
            *(pipeline_arn, f"{pipeline_arn}/*"),
            *(project.project_arn for project in projects),
            *(arn for each in functions for arn in (each.function_arn, f"{each.function_arn}:*")),
            *(arn for bucket in buckets for arn in (bucket.bucket_arn, bucket.arn_for_objects("*"))),
            *stacks,
            *watcher_arns(stack.account),
        ],
    )


def _uses_of_its_roles(scope: Construct) -> iam.PolicyStatement:
    """Denies assuming, passing and changing the delivery's roles, those of `cdk bootstrap`, and its policies."""
    stack = Stack.of(scope)
    ours = [f"role/{stack.stack_name}-*", "role/payment-delivery-*", "policy/payment-delivery-*"]
    return _denial(
        scope,
        [
            *(
                f"iam:{verb}*"
                for verb in ("Attach", "Create", "Delete", "Detach", "Pass", "Put", "SetDefault", "Update")
            ),
            "sts:AssumeRole",
        ],
        [
            *(f"arn:aws:iam::{stack.account}:{name}" for name in ours),
            f"arn:aws:iam::*:role/cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-*",
        ],
    )


def _denial(scope: Construct, actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """Denies actions to everybody but the roles of the delivery itself."""
    stack = Stack.of(scope)
    named = (PIPELINE_ROLE, SELF_MUTATION_ROLE, ASSETS_ROLE, IMAGE_ASSETS_ROLE, GUARD_ROLE, FINDINGS_ROLE)
    names = (*named, "payment-delivery-plan-*")
    own = [f"arn:aws:iam::{stack.account}:role/{name}" for name in (*names, f"{stack.stack_name}-*")]
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(resources),
        conditions={"ArnNotLike": {"aws:PrincipalArn": [deployment_role_arn(scope), *own]}},
    )


def deployment_role_arn(scope: Construct) -> str:
    """The role of `cdk bootstrap` in which CloudFormation deploys a stack, such as the pipeline's update of itself."""
    stack = Stack.of(scope)
    role = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-{stack.account}-{stack.region}"
    return f"arn:aws:iam::{stack.account}:role/{role}"
