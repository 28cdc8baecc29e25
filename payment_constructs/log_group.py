"""An encrypted log group whose entries are kept for as long as PCI DSS asks."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct


class LogGroup(logs.LogGroup):
    """Logs kept for 400 days: PCI DSS 10.5.1 asks for twelve months, and CloudWatch offers no 366.

    Args:
        key: Encrypts the entries; it allows log groups.
        retain: Whether the entries outlive the stack.
        log_group_name: The name that a service writes to by itself; CloudFormation makes one where it is left out.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey, retain: bool, log_group_name: str | None = None
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=log_group_name,
            encryption_key=key,
            retention=logs.RetentionDays.THIRTEEN_MONTHS,
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
