"""SSM parameters with the names and endpoints of an environment's resources, under one path per environment."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct


class Parameters(Construct):
    """Parameters of the primary region, under a path such as ``/payment/dev``."""

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
        database = ssm.StringParameter(
            self, "DatabaseEndpoint", parameter_name=f"{path}/db/endpoint", string_value=database_endpoint
        )
        self.service_configuration = {
            variable: ssm.StringParameter(self, name, parameter_name=f"{path}/{key}", string_value=value)
            for variable, name, key, value in (
                ("ENVIRONMENT", "Environment", "environment", environment),
                ("QUEUE_URL", "QueueUrl", "queue/url", queue_url),
                ("SESSION_TABLE", "SessionTable", "dynamodb/table", session_table_name),
                ("AUDIT_BUCKET", "AuditBucket", "audit/bucket", audit_bucket_name),
            )
        }
        """The service's parameters, by environment variable."""

        self.published = [database, *self.service_configuration.values()]
        """All of them."""


class RecoveryParameters(Construct):
    """Parameters of the DR region, none of which needs the primary region to be read."""

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
