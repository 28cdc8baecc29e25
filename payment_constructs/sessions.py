"""Payment sessions: a DynamoDB global table with a replica in the DR region."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.keys import EncryptionKey, through

SINGLE_ITEM_ACTIONS = ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
"""No query or scan."""


class SessionTable(Construct):
    """Table keyed by ``sessionId`` whose items expire at ``ttl`` (epoch seconds).

    The replica is eventually consistent: multi-Region strong consistency is not available in Singapore and does not
    support TTL.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table_name: str,
        replica_region: str,
        replica_key: kms.IKey,  # of the replica's region
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
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
        self.replica = self.table.replica(replica_region)

    def grant_use(self, policy: iam.ManagedPolicy) -> None:
        """Allows reading and writing single sessions."""
        policy.add_statements(*_use_statements(self.table.table_arn, self.key, region=self.regions[0]))


class RecoveryAccess(iam.ManagedPolicy):
    """Policy for the use of the replica, attached to no role until a service is started in the DR region.

    It exists beforehand, so that a failover does not include writing IAM policies manually.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, policy_name: str, session_table_name: str, session_key: kms.IKey
    ) -> None:
        table = Stack.of(scope).format_arn(service="dynamodb", resource="table", resource_name=session_table_name)
        super().__init__(
            scope,
            construct_id,
            managed_policy_name=policy_name,
            description="Use of the session table's replica, for a service that is brought up in the DR region",
            statements=_use_statements(table, session_key, region=Stack.of(scope).region),
        )


def _use_statements(table_arn: str, key: kms.IKey, *, region: str) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(actions=list(SINGLE_ITEM_ACTIONS), resources=[table_arn]),
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resources=[key.key_arn],
            conditions=through("dynamodb", region),
        ),
    ]
