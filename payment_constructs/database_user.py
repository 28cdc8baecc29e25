"""The application's database user: a secret whose password rotates every 30 days, and the rotation function."""

import json
from pathlib import Path

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.database import DATABASE_NAME, PORT, Database
from payment_constructs.database_function import DatabaseFunction
from payment_constructs.keys import EncryptionKey, through
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic

CODE = Path(__file__).with_name("functions") / "password_rotation.py"
ROTATION_DAYS = 30
MASTER_ROTATION_DAYS = 7
"""RDS rotates the master secret every seven days by default:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
"""


class DatabaseUser(Construct):
    """Secret with host, port, database, username and password, and its rotation.

    Secrets Manager's alternating-users strategy: a login works until the second rotation after it was read, which is 30
    to 60 days. ECS passes it to a task as it starts, and the task reads it again when it no longer works. The first
    rotation, right after the creation, creates both users in the database.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        secret_name: str,
        database: Database,
        vpc: ec2.IVpc,
        log_key: kms.IKey,
        topic: AlarmTopic,
        replica_region: str,
        replica_key: kms.IKey,  # of the replica's region
        retain: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = EncryptionKey(self, "Key", purpose=f"Secret {secret_name}", retain=retain)
        self.key.allow_use_only_through("secretsmanager")
        credentials = {
            "host": database.cluster.cluster_endpoint.hostname,
            "port": PORT,
            "dbname": DATABASE_NAME,
            "username": "payment_app_a",
        }
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=secret_name,
            description="Database credentials of the payment service",
            # By ARN: the CDK would add a secret's readers to its key's policy, and here they depend on the key.
            encryption_key=kms.Key.from_key_arn(self, "KeyByArn", self.key.key_arn),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(credentials),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
            replica_regions=[secretsmanager.ReplicaRegion(region=replica_region, encryption_key=replica_key)],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY,
        )
        # Secrets Manager replicates a new value with the permissions of the principal that wrote it.
        replicate = iam.PolicyStatement(
            actions=["kms:Encrypt", "kms:GenerateDataKey"],
            resources=[replica_key.key_arn],
            conditions=self._through(replica_region),
        )
        self.rotation_function = self._rotation_function(
            database=database, vpc=vpc, replicate=replicate, log_key=log_key, topic=topic, retain=retain
        )
        # An L1, because the L2 adds the role to the key's policy, and the key would depend on the role.
        self.rotation_schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Rotation",
            secret_id=self.secret.secret_arn,
            rotation_lambda_arn=self.rotation_function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=ROTATION_DAYS
            ),
            # The default. An update to a template that has it rotates with the new function (CHANGELOG.md, v1.0.0).
            rotate_immediately_on_update=True,
        )
        # The first rotation starts at once and needs the instances, their security group and the function's permission.
        rotation = self.node.find_child("PasswordRotation")
        self.rotation_schedule.node.add_dependency(database.cluster, database.security_group, rotation)
        self._check_daily()

    def container_secrets(self) -> dict[str, ecs.Secret]:
        """The secret's fields, by the container's environment variable."""
        fields = {
            "DB_HOST": "host",
            "DB_PORT": "port",
            "DB_NAME": "dbname",
            "DB_USERNAME": "username",
            "DB_PASSWORD": "password",  # pragma: allowlist secret
        }
        return {variable: ecs.Secret.from_secrets_manager(self.secret, field) for variable, field in fields.items()}

    def read_statements(self) -> list[iam.PolicyStatement]:
        """Allow reading the secret, and its key through Secrets Manager only."""
        return [
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret.secret_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.key.key_arn], conditions=self._through()),
        ]

    def _through(self, *regions: str) -> dict[str, dict[str, list[str]]]:
        return through("secretsmanager", Stack.of(self).region, *regions)

    def _check_daily(self) -> None:
        """Invokes the rotation function once a day to check that the passwords are rotated.

        An alarm looks back at seven days at most, and a rotation happens once in 30:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        """
        # Of a failed check, the dead-letter topic gets this event.
        notice = "A password of the database is not rotated, or the check failed: docs/operations.md#rotation-overdue"
        rule = events.CfnRule(
            self,
            "DailyCheck",
            schedule_expression="rate(1 day)",
            targets=[
                # The target of an L2 would put the environment's name into the id of its permission.
                events.CfnRule.TargetProperty(
                    arn=self.rotation_function.function_arn, id="Check", input=json.dumps({"Check": notice})
                )
            ],
        )
        self.rotation_function.add_permission(
            "DailyCheck", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )

    def _rotation_function(
        self,
        *,
        database: Database,
        vpc: ec2.IVpc,
        replicate: iam.PolicyStatement,
        log_key: kms.IKey,
        topic: AlarmTopic,
        retain: bool,
    ) -> DatabaseFunction:
        """Only Secrets Manager and the daily schedule may invoke it, and only its role reads the master secret.

        It connects to PostgreSQL itself: the Data API does not support burstable instances, and every environment
        rotates in the same manner.
        """
        scope = Construct(self, "PasswordRotation")
        cluster = database.cluster.cluster_arn
        self.master_secrets = Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name="rds!cluster-*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        function = DatabaseFunction(
            scope,
            "Function",
            code=CODE,
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "secretsmanager:DescribeSecret",
                        "secretsmanager:GetSecretValue",
                        "secretsmanager:PutSecretValue",
                        "secretsmanager:UpdateSecretVersionStage",
                    ],
                    resources=[self.secret.secret_arn],
                ),
                # By cluster, not by ARN: RDS gives a restored cluster, which gets the name of this one, another secret,
                # and tags each: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
                iam.PolicyStatement(actions=["rds:DescribeDBClusters"], resources=[cluster]),
                iam.PolicyStatement(
                    actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                    resources=[self.master_secrets],
                    conditions={"StringEquals": {"aws:ResourceTag/aws:rds:primaryDBClusterArn": cluster}},
                ),
                iam.PolicyStatement(
                    actions=["kms:Decrypt"], resources=[database.key.key_arn], conditions=self._through()
                ),
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[self.key.key_arn],
                    conditions=self._through(),
                ),
                replicate,
            ],
            database=database,
            vpc=vpc,
            description="The rotation of the database user",
            rule_description="The rotation of its user",
            timeout=Duration.minutes(2),
            log_group=LogGroup(scope, "Log", key=log_key, retain=retain),
            topic=topic,
            variables={
                "CLUSTER": database.cluster.cluster_identifier,
                "SECRET": self.secret.secret_arn,
                "DAYS": str(ROTATION_DAYS),
                "MASTER_DAYS": str(MASTER_ROTATION_DAYS),
            },
        )
        acknowledge(
            function.policy,
            f"AwsSolutions::AwsSolutions-IAM5[Resource::{self.master_secrets}]",
            control="RDS names the secret as it creates it; the condition allows only that of this cluster.",
        )
        # Secrets Manager, through its VPC endpoint or the NAT gateway.
        function.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "HTTPS")
        function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        acknowledge(
            function,
            "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency",
            control="Only Secrets Manager, one step of one rotation at a time, and a daily schedule may invoke it.",
        )
        return function
