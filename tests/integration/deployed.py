"""What was deployed: the environment, and the stack outputs that the pipeline hands over as environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


class MissingVariablesError(Exception):
    """Variables that nobody set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment of one environment; each field is the variable of its name in capitals.

    Args:
        environment: Its name, such as ``Dev``.
        role_arn: The role to look at it in.
        region: Where it stands.
        dr_region: Where its replicas are.
        release: The commit that was deployed.
        vpc_id: The outputs of its payment stack, this and the following.
    """

    environment: str
    role_arn: str
    region: str
    dr_region: str
    release: str
    vpc_id: str
    cluster_arn: str
    database_endpoint: str
    load_balancer_dns: str
    session_table_name: str
    queue_url: str
    audit_bucket_name: str

    @classmethod
    def named_by(cls: type[Self], variables: Mapping[str, str]) -> Self:
        """The deployment that environment variables name.

        Raises:
            MissingVariablesError: With the name of each that is not set, or empty.
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
        """The environment as names carry it."""
        return self.environment.lower()

    def resource_name(self, service: str) -> str:
        """What a resource of the environment is called."""
        return f"payment-{service}-{self.slug}"

    def parameter_name(self, key: str) -> str:
        """What an SSM parameter of the environment is called."""
        return f"/payment/{self.slug}/{key}"
