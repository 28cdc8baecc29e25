"""A customer-managed key for one purpose, so that access to one kind of data never opens another."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

ROTATION, PENDING, PENDING_RETAINED = Duration.days(365), Duration.days(7), Duration.days(30)


class EncryptionKey(kms.Key):
    """A KMS key that rotates every year (PCI DSS 3.7.4) and waits 30 days before a deletion (7 where destroyable).

    Args:
        purpose: What it encrypts; the key's description.
        retain: Whether the key outlives its stack. Data that is retained is lost without its key.
    """

    def __init__(self, scope: Construct, construct_id: str, *, purpose: str, retain: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            description=purpose,
            enable_key_rotation=True,
            rotation_period=ROTATION,
            pending_window=PENDING_RETAINED if retain else PENDING,
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )

    def allow_log_groups(self) -> None:
        """Lets CloudWatch Logs use the key for the log groups of this account and region, and for nothing else.

        The condition is the one that CloudWatch Logs asks for:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = Stack.of(self)
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroups",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=[
                    "kms:Encrypt*",
                    "kms:Decrypt*",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:Describe*",
                ],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:aws:logs:{stack.region}:{stack.account}:log-group:*"
                        )
                    }
                },
            )
        )
