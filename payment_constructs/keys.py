"""Customer-managed KMS keys, one per purpose, so that access to one kind of data never gives access to another."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

DESTRUCTION = ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion")
"""The calls that make data unreadable, and the one that would allow them."""


class EncryptionKey(kms.Key):
    """KMS key that rotates every year (PCI DSS 3.7.4) and is deleted after 30 days (7 in a destroyable environment)."""

    def __init__(self, scope: Construct, construct_id: str, *, purpose: str, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            description=purpose,
            enable_key_rotation=True,
            rotation_period=Duration.days(365),
            pending_window=Duration.days(30 if retain else 7),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )

    def allow_log_groups(self) -> None:
        """Allows CloudWatch Logs to use the key for log groups of this account and region.

        With the condition of
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = Stack.of(self)
        log_groups = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:*"
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroups",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )

    def deny_destruction(self, *, except_roles: Sequence[str]) -> None:
        """Denies what makes encrypted data unreadable, to every principal but these roles, which need not exist yet.

        No lock protects a backup or object from the loss of its key. The role of CloudFormation is one of the
        exceptions: it creates the key with this policy, and the guard checks its change sets.
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Destruction",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(DESTRUCTION),
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": list(except_roles)}},
            )
        )

    def allow_use_only_through(self, service: str) -> None:
        """Denies every principal the direct use of the key; the service uses it on behalf of its callers.

        In any region: which one a replication names is not documented. AWS services that call KMS as themselves are
        not denied, so that the key works wherever one does.
        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyThroughItsService",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={
                    "StringNotLike": {"kms:ViaService": f"{service}.*.amazonaws.com"},
                    "Bool": {"aws:PrincipalIsAWSService": "false"},
                },
            )
        )


def through(service: str, *regions: str) -> dict[str, dict[str, list[str]]]:
    """The condition that a service uses a key on behalf of the caller, who cannot decrypt with it otherwise."""
    return {"StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for region in regions]}}


def imported_key(scope: Construct, construct_id: str, *, key: kms.IKey, parameter_name: str) -> kms.IKey:
    """A key of a stack in another region, imported by its ARN, which an SSM parameter of this stack keeps.

    CloudFormation calls DescribeStacks for each occurrence of ``Fn::GetStackOutput`` in a template, and many were
    throttled: the parameter has the only one. https://github.com/aws/aws-cdk/issues/38010
    """
    arn = ssm.StringParameter(scope, f"{construct_id}Arn", parameter_name=parameter_name, string_value=key.key_arn)
    return kms.Key.from_key_arn(scope, construct_id, arn.string_value)
