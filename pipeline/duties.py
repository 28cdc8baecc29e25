"""The separation of duties at the pipeline: approvers approve, and only the pipeline's own roles deliver."""

from collections.abc import Sequence

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.artifacts import ArtifactStore
from pipeline.function import pipeline_arn
from pipeline.roles import acknowledge_plans
from stages.names import ASSETS_ROLE, FINDINGS_ROLE, GUARD_ROLE, IMAGE_ASSETS_ROLE, PIPELINE_ROLE, SELF_MUTATION_ROLE

APPROVER = "payment-delivery-approver"
NO_OVERRIDE = "payment-delivery-no-override"
WATCHER = "payment-delivery-watcher"
"""The name of each resource of the watcher (pipeline/bootstrap/watcher.py), or how it begins."""


def watcher_arns(account: str) -> list[str]:
    """The watcher and the stacks of bootstrap/, which neither the delivery nor its people change."""
    return [
        f"arn:aws:cloudformation:*:{account}:stack/{WATCHER}/*",
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
    it answers no approval. Neither can lead a release past a gate: override a stage condition, start a release (of any
    commit), change the pipeline, what it runs or what notifies of it, report the result of its jobs, write its
    artifacts, use its roles and those of `cdk bootstrap`, change the watcher or a trail, or detach these policies.
    On-call may still stop an execution and, each with a notification, disable and enable a transition, retry, and roll
    back a stage.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        approvals: Sequence[str],
        plans: ArtifactStore,
        projects: Sequence[codebuild.IProject],
    ) -> None:
        super().__init__(scope, construct_id)
        arn = pipeline_arn(self, pipeline)
        trails = [f"cloudtrail:{verb}*" for verb in ("Delete", "Put", "Stop", "Update")]
        changes, uses = _changes_of_the_delivery(self, pipeline=pipeline, projects=projects), _uses_of_its_roles(self)
        # One list of the delivery's roles for both, since a policy has at most 6,144 characters.
        changes.add_actions(*uses.actions)
        changes.add_resources(*uses.resources)
        denials = [
            changes,
            _denial(self, ["codepipeline:PutJob*", "codepipeline:PutThirdPartyJob*", *trails], ["*"]),
            _detachments(self),
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
                    resources=[f"{arn}/{name}/{name}" for name in approvals],
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
            statements=[*denials, _denial(self, ["codepipeline:PutApprovalResult"], [f"{arn}/*"])],
        )


def _changes_of_the_delivery(
    scope: Construct,
    *,
    pipeline: str,
    projects: Sequence[codebuild.IProject],
) -> iam.PolicyStatement:
    """Denies changes of the pipeline, its builds, functions, buckets, notifications and stacks, and of the watcher.

    A build started by a person may run other commands than the project's. A started execution may be of any commit of
    any branch, and no condition key tells: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodepipeline.html
    CloudFormation uses the role of a stack without `iam:PassRole`:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    stack, arn = Stack.of(scope), pipeline_arn(scope, pipeline)
    stacks = [
        f"arn:aws:cloudformation:*:{stack.account}:stack/{name}/*" for name in (stack.stack_name, "PipelineArtifacts-*")
    ]
    notifying = [
        f"arn:aws:cloudwatch:*:{stack.account}:alarm:{pipeline}-*",
        f"arn:aws:events:*:{stack.account}:rule/{stack.stack_name}-*",
        f"arn:aws:sns:*:{stack.account}:{pipeline}-alarms*",  # its subscriptions too
    ]
    return _denial(
        scope,
        [
            *(f"cloudformation:{verb}*" for verb in ("Cancel", "Create", "Delete", "Execute")),
            *(f"cloudformation:{verb}*" for verb in ("Rollback", "Set", "Update")),
            *(f"cloudwatch:{verb}*" for verb in ("Delete", "Disable", "Put")),
            *(f"codebuild:{verb}*" for verb in ("Create", "Delete", "Retry", "Start", "Update")),
            *(f"codepipeline:{call}" for call in ("CreatePipeline", "DeletePipeline", "UpdatePipeline")),
            *(f"codepipeline:{call}" for call in ("OverrideStageCondition", "StartPipelineExecution")),
            *(f"events:{verb}*" for verb in ("Delete", "Disable", "Put", "Remove")),
            *(f"lambda:{verb}*" for verb in ("Add", "Create", "Delete", "Invoke", "Put", "Remove", "Update")),
            *(f"logs:{verb}*" for verb in ("Delete", "Put")),
            *(f"s3:{verb}*" for verb in ("Delete", "Put", "Replicate")),
            *(f"sns:{verb}*" for verb in ("Add", "Delete", "Publish", "Put", "Remove", "Set", "Unsubscribe")),
        ],
        [
            *(arn, f"{arn}/*"),
            *(project.project_arn for project in projects),
            f"arn:aws:lambda:*:{stack.account}:function:{stack.stack_name}-*",
            "arn:aws:s3:::payment-delivery-*",  # artifacts and their access logs, with their objects
            *notifying,
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


def _detachments(scope: Construct) -> iam.PolicyStatement:
    """Denies to detach these policies, also from the caller's own role."""
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["iam:Detach*"],
        resources=["*"],
        conditions={"ArnLike": {"iam:PolicyARN": f"arn:aws:iam::{Stack.of(scope).account}:policy/payment-delivery-*"}},
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
