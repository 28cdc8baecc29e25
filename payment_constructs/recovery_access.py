"""What a service may do in the DR region with what is replicated there, for the day that it has to."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.session_table import SESSION_ACTIONS


class RecoveryAccess(iam.ManagedPolicy):
    """The use of the session table's replica: attached to nobody, until a service is brought up beside it.

    It stands there beforehand, because whoever fails over should not write permissions by hand.

    Args:
        policy_name: Its name in the account.
        session_table_name: The replica.
        session_key: Encrypts the replica.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        policy_name: str,
        session_table_name: str,
        session_key: kms.IKey,
    ) -> None:
        table = Stack.of(scope).format_arn(service="dynamodb", resource="table", resource_name=session_table_name)
        super().__init__(
            scope,
            construct_id,
            managed_policy_name=policy_name,
            description="Use of the session table's replica, for a service that is brought up in the DR region",
            statements=[
                iam.PolicyStatement(actions=list(SESSION_ACTIONS), resources=[table]),
                iam.PolicyStatement(actions=["kms:Decrypt", "kms:DescribeKey"], resources=[session_key.key_arn]),
            ],
        )
