"""SSM parameters with the names and endpoints of an environment's resources, under one path per environment."""

from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from constructs import Construct

KEYS = {
    "AuditBucket": "audit/bucket",
    "BackupVault": "backup/vault",
    "DatabaseEndpoint": "db/endpoint",
    "DatabaseSecret": "db/secret",  # pragma: allowlist secret
    "Environment": "environment",
    "QueueUrl": "queue/url",
    "SessionTable": "dynamodb/table",
}
"""A parameter's name below the environment's path, by its construct id."""

VARIABLES = {
    "ENVIRONMENT": "Environment",
    "QUEUE_URL": "QueueUrl",
    "SESSION_TABLE": "SessionTable",
    "AUDIT_BUCKET": "AuditBucket",
}
"""The parameters that the service reads, by environment variable."""


class Parameters(Construct):
    """Parameters of one region, under a path such as ``/payment/dev``; the values are by construct id."""

    def __init__(self, scope: Construct, construct_id: str, *, path: str, values: Mapping[str, str]) -> None:
        super().__init__(scope, construct_id)
        self._parameters = {
            name: ssm.StringParameter(self, name, parameter_name=f"{path}/{KEYS[name]}", string_value=value)
            for name, value in values.items()
        }

    @property
    def published(self) -> list[ssm.StringParameter]:
        """All of them."""
        return list(self._parameters.values())

    @property
    def service_configuration(self) -> dict[str, ssm.StringParameter]:
        """The service's parameters, by environment variable."""
        return {variable: self._parameters[name] for variable, name in VARIABLES.items()}
