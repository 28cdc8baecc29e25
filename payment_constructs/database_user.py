"""The application's own database user: it never sees the master password, and its own changes every 30 days."""

import json
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.database import NAME, PORT, Database
from payment_constructs.log_group import LogGroup

CODE = Path(__file__).with_name("database_user_handler.py")


class DatabaseUser(Construct):
    """A secret with host, port, database, username and password, and the function that rotates it.

    Two users take turns (Secrets Manager's alternating-users strategy): a task reads the secret when it starts, and
    what it read stays good until the rotation after next. The first rotation, right after the creation, makes both
    users. The function reaches the database through the RDS Data API, so it stands in no network.

    Args:
        secret_name: The secret's name.
        database: The cluster; its master secret is used by the Data API alone.
        log_key: Encrypts the function's log; it allows log groups.
        topic: Is told of a step of the rotation that failed for good.
        replica_region: Where a replica of the secret follows each rotation.
        replica_key: Encrypts the replica; a key of that region.
        retain: Whether the secret outlives its stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        secret_name: str,
        database: Database,
        log_key: kms.IKey,
        topic: AlarmTopic,
        replica_region: str,
        replica_key: kms.IKey,
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=secret_name,
            description="The payment service's user of the database",
            # By ARN: a secret's readers are written into its key's policy, and here they wait for the key.
            encryption_key=kms.Key.from_key_arn(self, "Key", database.key.key_arn),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(
                    {
                        "host": database.cluster.cluster_endpoint.hostname,
                        "port": PORT,
                        "dbname": NAME,
                        "username": "payment_app_a",
                    }
                ),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
            replica_regions=[secretsmanager.ReplicaRegion(region=replica_region, encryption_key=replica_key)],
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
        )
        function = self.function = self._rotation_function(database, log_key, topic, replica_key)
        # By the resource itself: the construct writes the role into the key's policy, and the key waits for the role.
        function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        rotation = secretsmanager.CfnRotationSchedule(
            self,
            "Rotation",
            secret_id=self.secret.secret_arn,
            rotation_lambda_arn=function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(automatically_after_days=30),
        )
        # The first rotation comes at once: the cluster stands with its instances, and the function may be called.
        rotation.node.add_dependency(database.cluster, function)

    def container_secrets(self) -> dict[str, ecs.Secret]:
        """What a container finds in its environment, by variable."""
        fields = {
            "DB_HOST": "host",
            "DB_PORT": "port",
            "DB_NAME": "dbname",
            "DB_USERNAME": "username",
            "DB_PASSWORD": "password",  # pragma: allowlist secret
        }
        return {variable: ecs.Secret.from_secrets_manager(self.secret, field) for variable, field in fields.items()}

    def _rotation_function(
        self, database: Database, log_key: kms.IKey, topic: AlarmTopic, replica_key: kms.IKey
    ) -> lambda_.Function:
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
                    resources=[self.secret.secret_arn],
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
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE.read_text(encoding="utf-8")),
            timeout=Duration.minutes(1),
            role=role.without_policy_updates(),
            log_group=log_group,
            dead_letter_topic=topic.topic,
            environment={
                "CLUSTER": database.cluster.cluster_arn,
                "MASTER_SECRET": master_secret,
                "DATABASE": NAME,
            },
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Secrets Manager alone may invoke it, one step of one rotation at a time.",
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC",
            "PCI.DSS.321::PCI.DSS.321-LambdaInsideVPC",
            control="It reaches the database through the Data API over TLS, by its role, and opens no connection.",
        )
        return function
