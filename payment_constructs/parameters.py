"""Where those who work from the DR region find what stands there: SSM parameters under one path."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct


class Parameters(Construct):
    """The published names of an environment.

    Args:
        path: The path that they stand under, such as ``/payment/dev``.
        environment: The environment's own name.
        database_endpoint: The writer's host name.
        queue_url: The processing queue.
        session_table_name: The session table.
        audit_bucket_name: The audit log.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        path: str,
        environment: str,
        database_endpoint: str,
        queue_url: str,
        session_table_name: str,
        audit_bucket_name: str,
    ) -> None:
        super().__init__(scope, construct_id)

        self.published: list[ssm.StringParameter] = []
        """All of them."""

        def publish(name: str, key: str, value: str) -> ssm.StringParameter:
            parameter = ssm.StringParameter(self, name, parameter_name=f"{path}/{key}", string_value=value)
            self.published.append(parameter)
            return parameter

        publish("DatabaseEndpoint", "db/endpoint", database_endpoint)
        self.service_configuration = {
            "ENVIRONMENT": publish("Environment", "environment", environment),
            "QUEUE_URL": publish("QueueUrl", "queue/url", queue_url),
            "SESSION_TABLE": publish("SessionTable", "dynamodb/table", session_table_name),
            "AUDIT_BUCKET": publish("AuditBucket", "audit/bucket", audit_bucket_name),
        }
        """What the service finds in its environment, by variable."""


class RecoveryParameters(Construct):
    """The published names of an environment's DR region, none of which needs the primary region to be read.

    Args:
        path: The path that they stand under, such as ``/payment/dev``; parameters belong to a region.
        session_table_name: The replica of the session table.
        audit_bucket_name: The replica of the audit log.
        backup_vault_name: Where copies of backups arrive.
        database_secret_name: The replica of the secret with the application's database user.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        path: str,
        session_table_name: str,
        audit_bucket_name: str,
        backup_vault_name: str,
        database_secret_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        for name, key, value in (
            ("SessionTable", "dynamodb/table", session_table_name),
            ("AuditBucket", "audit/bucket", audit_bucket_name),
            ("BackupVault", "backup/vault", backup_vault_name),
            ("DatabaseSecret", "db/secret", database_secret_name),
        ):
            ssm.StringParameter(self, name, parameter_name=f"{path}/{key}", string_value=value)
