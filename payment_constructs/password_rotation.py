"""The function that changes the password of the application's database user, in the four steps of Secrets Manager."""

from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.database import NAME, Database
from payment_constructs.inline_function import InlineFunction
from payment_constructs.log_group import LogGroup

CODE = Path(__file__).with_name("password_rotation_handler.py")


class PasswordRotation(Construct):
    """The function with its role; Secrets Manager alone may invoke it.

    It reaches the database through the RDS Data API, so it stands in no network.

    Args:
        secret_arn: The secret that it rotates.
        database: The cluster; its master secret is used by the Data API alone.
        replica_key: Encrypts the secret's replica.
        log_key: Encrypts the function's log; it allows log groups.
        topic: Is told of a step that failed for good.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        secret_arn: str,
        database: Database,
        replica_key: kms.IKey,
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = LogGroup(self, "Log", key=log_key, retain=False)
        cluster = database.cluster.node.default_child
        assert isinstance(cluster, rds.CfnDBCluster)  # noqa: S101 - an L2 cluster's default child
        master_secret = cluster.attr_master_user_secret_secret_arn
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
                ),
                iam.PolicyStatement(
                    actions=[
                        "secretsmanager:DescribeSecret",
                        "secretsmanager:GetSecretValue",
                        "secretsmanager:PutSecretValue",
                        "secretsmanager:UpdateSecretVersionStage",
                    ],
                    resources=[secret_arn],
                ),
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[master_secret]),
                iam.PolicyStatement(actions=["rds-data:ExecuteStatement"], resources=[database.cluster.cluster_arn]),
                iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[database.key.key_arn]),
                # Secrets Manager replicates a new value in the name of whoever wrote it.
                iam.PolicyStatement(actions=["kms:Encrypt", "kms:GenerateDataKey"], resources=[replica_key.key_arn]),
            ],
        )
        topic.allow_failed_events(policy)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[policy],
        )
        self.function = InlineFunction(
            self,
            "Function",
            code=CODE,
            timeout=Duration.minutes(1),
            role=role.without_policy_updates(),
            log_group=log_group,
            topic=topic,
            variables={
                "CLUSTER": database.cluster.cluster_arn,
                "MASTER_SECRET": master_secret,
                "DATABASE": NAME,
            },
        )
        self.function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        acknowledge(
            self.function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Secrets Manager alone may invoke it, one step of one rotation at a time.",
        )
        acknowledge(
            self.function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control="It reaches the database through the Data API over TLS, by its role, and opens no connection.",
        )
