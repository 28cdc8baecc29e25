"""Payment sessions: a global table, readable and writable in both regions."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.keys import EncryptionKey

SESSION_ACTIONS = ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
"""Reading and writing single sessions; no scan of them all."""


class SessionTable(Construct):
    """A table keyed by ``sessionId`` whose items expire at ``ttl`` (epoch seconds), with a replica in the DR region.

    The replica is eventually consistent: strong consistency over several regions is not offered for Singapore, and
    knows no expiry.

    Args:
        table_name: The name in both regions.
        replica_region: Where the replica is.
        replica_key: Encrypts the replica; a key of that region.
        retain: Whether the table outlives its stack and is protected from deletion.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table_name: str,
        replica_region: str,
        replica_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Session table {table_name}", retain=retain)
        self.replica_key = replica_key
        self.regions = (Stack.of(self).region, replica_region)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            table_name=table_name,
            partition_key=dynamodb.Attribute(name="sessionId", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="ttl",
            billing=dynamodb.Billing.on_demand(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self.key, {replica_region: replica_key.key_arn}),
            replicas=[dynamodb.ReplicaTableProps(region=replica_region)],
            deletion_protection=retain,
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
        self.replica = self.table.replica(replica_region)

    def grant_use(self, policy: iam.ManagedPolicy) -> None:
        """Allows reading and writing single sessions; no scan of them all."""
        policy.add_statements(
            iam.PolicyStatement(
                actions=list(SESSION_ACTIONS),
                resources=[self.table.table_arn],
            ),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:DescribeKey"], resources=[self.key.key_arn]),
        )
