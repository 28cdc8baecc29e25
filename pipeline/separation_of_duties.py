"""Who approves does nothing else, and nobody leads a release past a gate: two policies for the account's people."""

from collections.abc import Sequence

from aws_cdk import DefaultStackSynthesizer, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from pipeline.generated_roles import acknowledge_pages

APPROVER = "payment-delivery-approver"
NO_OVERRIDE = "payment-delivery-no-override"


class SeparationOfDuties(Construct):
    """Two managed policies, attached to nobody here: people belong to an identity provider, not to this repository.

    The approver may answer the approvals and read what they ask about, and nothing else. Everybody who works in the
    account gets the denial: no condition is overridden and no pipeline rewritten but by the pipeline. What on-call
    needs stays possible: to stop an execution; and, told to everybody (DeliveryEvents), to close a transition and to
    open it again (a freeze leads past no gate), to retry, to roll a stage back. PCI DSS 6.5.1, 7.2.5.

    Args:
        pipeline_arn: The pipeline.
        approvals: The stage and action of each approval.
        bucket: Keeps the pages of the plans, below ``plans/``.
        key: Encrypts the bucket.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_arn: str,
        approvals: Sequence[tuple[str, str]],
        bucket: s3.Bucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        approver = iam.ManagedPolicy(
            self,
            "Approver",
            managed_policy_name=APPROVER,
            description="Answers the approvals of the payment delivery, and does nothing else.",
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:PutApprovalResult"],
                    resources=[f"{pipeline_arn}/{stage}/{action}" for stage, action in approvals],
                ),
                iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects("plans/*")]),
                iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key.key_arn]),
            ],
        )
        acknowledge_pages(approver, bucket=bucket)
        stack = Stack.of(self)
        deployer = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-{stack.account}-{stack.region}"
        iam.ManagedPolicy(
            self,
            "NoOverride",
            managed_policy_name=NO_OVERRIDE,
            description="Keeps everybody but the pipeline from leading a release past a gate.",
            statements=[
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=[
                        "codepipeline:OverrideStageCondition",
                        "codepipeline:UpdatePipeline",
                        "codepipeline:DeletePipeline",
                    ],
                    resources=[pipeline_arn, f"{pipeline_arn}/*"],
                    conditions={"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{stack.account}:role/{deployer}"}},
                )
            ],
        )
