"""The deployment under test: the environment and its stack outputs, read from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


class MissingVariablesError(Exception):
    """Environment variables that are not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment of an environment; each field is read from the variable of its name in capitals."""

    environment: str
    role_arn: str  # the verification role
    recorder_role_arn: str  # the role that records the verified release
    region: str
    dr_region: str
    release: str  # the deployed commit
    # The outputs of the payment stack:
    vpc_id: str
    cluster_arn: str
    database_endpoint: str
    load_balancer_dns: str
    session_table_name: str
    queue_url: str
    audit_bucket_name: str

    @classmethod
    def named_by(cls: type[Self], variables: Mapping[str, str]) -> Self:
        """The deployment that environment variables describe.

        Raises:
            MissingVariablesError: A variable is not set or empty; the message names all of them.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name.upper() for name in names if not variables.get(name.upper())]:
            raise MissingVariablesError(
                f"Not set: {', '.join(missing)}. The pipeline sets them from the outputs of the payment stack: "
                "see docs/operations.md, Verification."
            )
        return cls(**{name: variables[name.upper()] for name in names})

    @property
    def slug(self) -> str:
        """The environment's name in lower case, as in resource names."""
        return self.environment.lower()

    def resource_name(self, service: str) -> str:
        """The name of a resource of the environment."""
        return f"payment-{service}-{self.slug}"

    def parameter_name(self, key: str) -> str:
        """The name of an SSM parameter of the environment."""
        return f"/payment/{self.slug}/{key}"
