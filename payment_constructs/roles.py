"""What a service may do in the DR region with what is replicated there, for the day that it has to."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.queue import ProcessingQueue
from payment_constructs.sessions import SESSION_ACTIONS, SessionTable


def trusted_roles(*role_names: str, account: str) -> iam.IPrincipal:
    """These roles of an account, and nobody else there.

    Args:
        role_names: Their names; a role of that name is trusted from the moment that it is made.
        account: The account, which may be our own.
    """
    return iam.AccountPrincipal(account).with_conditions(
        {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{account}:role/{name}" for name in role_names]}}
    )


OWN_SESSIONS = "verification-*"
"""The ids of the sessions that it may touch: it never sees a customer's."""


class VerificationRole(Construct):
    """A role for an hour at most: reads that name one resource each, and sessions of its own.

    Args:
        role_name: A fixed name; the pipeline knows the role by it.
        trusted: Who may take the role on.
        sessions: The session table, of which only its own sessions.
        processing: The queue and its dead-letter queue, of which only the settings.
        audit_bucket: The audit log, of which only the settings: what is written there stays for years.
        parameters: What the platform publishes about itself.
        database: The cluster, of which only the description.
        service: The service, of which only the description.
        gate: The gate alarm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        trusted: iam.IPrincipal,
        sessions: SessionTable,
        processing: ProcessingQueue,
        audit_bucket: s3.IBucket,
        parameters: Sequence[ssm.IStringParameter],
        database: rds.IDatabaseCluster,
        service: ecs.IBaseService,
        gate: cloudwatch.IAlarm,
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                *_own_sessions(sessions),
                iam.PolicyStatement(
                    actions=["sqs:GetQueueAttributes"],
                    resources=[processing.queue.queue_arn, processing.dead_letter_queue.queue_arn],
                ),
                iam.PolicyStatement(
                    actions=[
                        "s3:GetBucketObjectLockConfiguration",
                        "s3:GetBucketPublicAccessBlock",
                        "s3:GetBucketVersioning",
                        "s3:GetEncryptionConfiguration",
                        "s3:GetReplicationConfiguration",
                    ],
                    resources=[audit_bucket.bucket_arn],
                ),
                iam.PolicyStatement(
                    actions=["ssm:GetParameter"], resources=[parameter.parameter_arn for parameter in parameters]
                ),
                iam.PolicyStatement(actions=["rds:DescribeDBClusters"], resources=[database.cluster_arn]),
                iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[service.service_arn]),
                iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[gate.alarm_arn]),
            ],
        )
        iam.Role(
            self,
            "Role",
            role_name=role_name,
            assumed_by=trusted,
            managed_policies=[policy],
            max_session_duration=Duration.hours(1),
        )


def _own_sessions(sessions: SessionTable) -> list[iam.PolicyStatement]:
    """Written in the primary region, read in both.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [OWN_SESSIONS]}}
    # DynamoDB opens a table with its key on behalf of whoever calls.
    through_dynamodb = {
        "StringEquals": {"kms:ViaService": [f"dynamodb.{region}.amazonaws.com" for region in sessions.regions]}
    }
    return [
        iam.PolicyStatement(
            actions=["dynamodb:DeleteItem", "dynamodb:PutItem"], resources=[sessions.table.table_arn], conditions=own
        ),
        iam.PolicyStatement(
            actions=["dynamodb:GetItem"],
            resources=[sessions.table.table_arn, sessions.replica.table_arn],
            conditions=own,
        ),
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resources=[sessions.key.key_arn, sessions.replica_key.key_arn],
            conditions=through_dynamodb,
        ),
    ]


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
