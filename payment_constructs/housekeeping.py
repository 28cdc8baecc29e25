"""The two things CloudFormation cannot do itself: close a default security group, and empty a bucket it deletes."""

from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.log_group import LogGroup

CODE = Path(__file__).with_name("housekeeping_handler.py")


class Housekeeping(Construct):
    """One function that answers CloudFormation for both, allowed to act on what it was handed and on nothing else.

    Args:
        log_key: Encrypts the function's log; it allows log groups.
    """

    def __init__(self, scope: Construct, construct_id: str, *, log_key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=False)
        # On the role rather than attached to it: so the policy stands before the function, and until after its end.
        self._policy = iam.ManagedPolicy(self, "Policy")
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
            )
        )
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[self._policy],
        )
        self._function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE.read_text(encoding="utf-8")),
            timeout=Duration.minutes(15),
            role=self._role.without_policy_updates(),
            log_group=log_group,
        )
        acknowledge(
            self._function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ",
            control="CloudFormation waits for the answer and fails the stack without one: no event is lost unseen.",
        )
        acknowledge(
            self._function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only CloudFormation invokes it, once per housekeeping resource of a deployment.",
        )
        acknowledge(
            self._function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control=(
                "It calls AWS's control plane over TLS and nothing inside the VPC; its policy names the single "
                "resources it may act on."
            ),
        )

    def close_default_security_group(self, vpc: ec2.Vpc) -> None:
        """Takes all rules from the VPC's default group (PCI DSS 1.3; AWS Security Hub EC2.2)."""
        self._policy.add_statements(
            iam.PolicyStatement(
                actions=["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
                resources=[
                    Stack.of(self).format_arn(
                        service="ec2", resource="security-group", resource_name=vpc.vpc_default_security_group
                    )
                ],
            ),
        )
        # The policy pack looks for a resource of this id and type on the VPC.
        CustomResource(
            vpc,
            "RestrictDefaultSecurityGroupCustomResource",
            service_token=self._function.function_arn,
            resource_type="Custom::VpcRestrictDefaultSG",
            properties={"GroupId": vpc.vpc_default_security_group},
        )

    def empty_on_destroy(self, bucket: s3.Bucket) -> None:
        """Empties the bucket when its stack is deleted, locked versions (governance mode) included."""
        Tags.of(bucket).add("EmptyOnDestroy", "true")
        # Allowed by the bucket itself, so that the role holds no right to delete anywhere else.
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EmptyOnDestroy",
                principals=[iam.ArnPrincipal(self._role.role_arn)],
                actions=[
                    "s3:GetBucketTagging",
                    "s3:ListBucketVersions",
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    "s3:BypassGovernanceRetention",
                ],
                resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            )
        )
        emptying = CustomResource(
            bucket,
            "EmptyOnDestroy",
            service_token=self._function.function_arn,
            resource_type="Custom::EmptyOnDestroy",
            properties={"BucketName": bucket.bucket_name},
        )
        # The bucket's policy must outlive the emptying that it allows.
        if bucket.policy:
            emptying.node.add_dependency(bucket.policy)
