"""The application's own database user: it never sees the master password, and its own changes every 30 days."""

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.database import NAME, PORT, Database
from payment_constructs.password_rotation import PasswordRotation


class DatabaseUser(Construct):
    """A secret with host, port, database, username and password, and the function that rotates it.

    Two users take turns (Secrets Manager's alternating-users strategy): a task reads the secret when it starts, and
    what it read stays good until the rotation after next. The first rotation, right after the creation, makes both
    users.

    Args:
        secret_name: The secret's name.
        database: The cluster; the rotation alone reads its master secret.
        vpc: The network that the rotation stands in.
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
        vpc: ec2.IVpc,
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
        self.rotation = PasswordRotation(
            self,
            "PasswordRotation",
            secret_arn=self.secret.secret_arn,
            database=database,
            vpc=vpc,
            replica_key=replica_key,
            log_key=log_key,
            topic=topic,
        )
        # By the resource itself: the construct writes the role into the key's policy, and the key waits for the role.
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Rotation",
            secret_id=self.secret.secret_arn,
            rotation_lambda_arn=self.rotation.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(automatically_after_days=30),
        )
        # The first rotation comes at once: the cluster stands with its instances and admits the function, which may be
        # called.
        schedule.node.add_dependency(database.cluster, database.security_group, self.rotation)

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
