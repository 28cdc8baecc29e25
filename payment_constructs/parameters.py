"""SSM parameters with the names and endpoints of an environment's resources, under one path per environment."""

import hashlib
from collections.abc import Mapping

from aws_cdk import Token
from aws_cdk import aws_ssm as ssm
from constructs import Construct

KEYS = {
    "AuditBucket": "audit/bucket",
    "BackupVault": "backup/vault",
    "DatabaseEndpoint": "db/endpoint",
    "DatabaseSecret": "db/secret",  # pragma: allowlist secret
    "Environment": "environment",
    "QueueUrl": "queue/url",
    "Release": "release",  # what the plan and the runbooks call the deployed release
    "SessionTable": "dynamodb/table",
}
"""A parameter's name below the environment's path, by its construct id."""

VARIABLES = {
    "ENVIRONMENT": "Environment",
    "QUEUE_URL": "QueueUrl",
    "SESSION_TABLE": "SessionTable",
    "AUDIT_BUCKET": "AuditBucket",
    "DB_SECRET": "DatabaseSecret",  # pragma: allowlist secret
}
"""The parameters that the service reads, by environment variable."""


class Parameters(Construct):
    """Parameters of one region, under a path such as ``/payment/dev``; the values are by construct id."""

    def __init__(self, scope: Construct, construct_id: str, *, path: str, values: Mapping[str, str]) -> None:
        super().__init__(scope, construct_id)
        self._values = values
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

    @property
    def service_labels(self) -> dict[str, str]:
        """Docker labels that differ when a value of the service's configuration does, by label.

        A task reads its configuration when it starts, and without the labels a changed value changes no task
        definition: running tasks would keep the old value, without a deployment. A literal value is in its label as a
        hash (PCI DSS 2.2.1); a value that only the deployment knows is read back from its parameter.
        """
        return {f"configuration.{variable}": self._fingerprint(name) for variable, name in VARIABLES.items()}

    def _fingerprint(self, name: str) -> str:
        value = self._values[name]
        if Token.is_unresolved(value):
            return self._parameters[name].string_value
        return hashlib.sha256(value.encode()).hexdigest()
