"""The role in which a deployment is verified: it may do what tests/integration does, and nothing else."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.processing_queue import ProcessingQueue
from payment_constructs.session_table import SessionTable

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
