"""IAM roles: trust policies, service roles, and the roles of the verification after a deployment."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.keys import through
from payment_constructs.queue import ProcessingQueue
from payment_constructs.sessions import SessionTable


def trusted_roles(*role_names: str, account: str) -> iam.IPrincipal:
    """These roles of an account and no others there; the roles need not exist yet."""
    return iam.AccountPrincipal(account).with_conditions(
        {"ArnEquals": {"aws:PrincipalArn": [f"arn:aws:iam::{account}:role/{name}" for name in role_names]}}
    )


SENDS_SOURCE_ACCOUNT = frozenset(
    {
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        "ecs-tasks.amazonaws.com",
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html
        "monitoring.rds.amazonaws.com",
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        "vpc-flow-logs.amazonaws.com",
    }
)
"""The services that send ``aws:SourceAccount`` when they assume a role.

AWS documents it for no other service that assumes a role here (AWS Backup, ECS for load balancers, S3 replication,
Lambda): such a condition could lock the service out.
"""


def service_principal(scope: Construct, service: str) -> iam.ServicePrincipal:
    """Service principal, restricted to this account where AWS documents `aws:SourceAccount` (confused deputy)."""
    own_account = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    return iam.ServicePrincipal(service, conditions=own_account if service in SENDS_SOURCE_ACCOUNT else None)


def service_role(scope: Construct, construct_id: str, *, service: str, policy: str, control: str) -> iam.Role:
    """A role of an AWS service with the policy that AWS manages for it, and why that policy is acceptable."""
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=service_principal(scope, service),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy)],
    )
    acknowledge(
        role, f"AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]", control=control
    )
    return role


OWN_SESSIONS = "verification-*"
"""The ids of the sessions that a verification may read and write: never a customer's."""


class VerificationRole(Construct):
    """Role, for sessions of an hour, that reads named resources' settings and uses its own payment sessions.

    It reads the settings of the audit bucket, the queues and the secret, never their content.
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
        database_user: secretsmanager.ISecret,
        service: ecs.IBaseService,
        gates: Sequence[cloudwatch.IAlarm],
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
                iam.PolicyStatement(actions=["secretsmanager:DescribeSecret"], resources=[database_user.secret_arn]),
                iam.PolicyStatement(actions=["ecs:DescribeServices"], resources=[service.service_arn]),
                iam.PolicyStatement(
                    actions=["cloudwatch:DescribeAlarms"], resources=[gate.alarm_arn for gate in gates]
                ),
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


class ReleaseRecorder(Construct):
    """Role that writes one parameter, in the DR region: the release that was verified last, which a fail-over deploys.

    The parameter belongs to no stack: a deployment that fails after its DR stack must not change it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, role_name: str, trusted: iam.IPrincipal, parameter_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        write = iam.PolicyStatement(actions=["ssm:PutParameter"], resources=[parameter_arn])
        iam.Role(
            self,
            "Role",
            role_name=role_name,
            assumed_by=trusted,
            managed_policies=[iam.ManagedPolicy(self, "Policy", statements=[write])],
            max_session_duration=Duration.hours(1),
        )


def _own_sessions(sessions: SessionTable) -> list[iam.PolicyStatement]:
    """Written in the primary region, read in both.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    table, replica = sessions.table.table_arn, sessions.replica.table_arn
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [OWN_SESSIONS]}}
    return [
        iam.PolicyStatement(actions=["dynamodb:DeleteItem", "dynamodb:PutItem"], resources=[table], conditions=own),
        iam.PolicyStatement(actions=["dynamodb:GetItem"], resources=[table, replica], conditions=own),
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resources=[sessions.key.key_arn, sessions.replica_key.key_arn],
            conditions=through("dynamodb", *sessions.regions),
        ),
    ]
