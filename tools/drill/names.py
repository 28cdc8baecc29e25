"""What things are called: `payment-{service}-{environment}`, as the runbook has it and as the platform must have it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cdk_rehearsal.errors import RehearsalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The environment that is drilled, and what is brought up for it.

    Args:
        environment: Such as ``Prod``.
        account: Its account.
        primary: The region that is lost.
        recovery: The DR region.
        tasks: The fewest that its service runs.
    """

    environment: str
    account: str
    primary: str
    recovery: str
    tasks: int

    @classmethod
    def of(cls, assembly: Path) -> Self:
        """The one environment of a cloud assembly whose data is retained: the runbook is for that one."""
        manifests = [json.loads(file.read_text(encoding="utf-8")) for file in assembly.glob("*.manifest.json")]
        retained = [one for one in manifests if one["configuration"]["data_protection"] == "retained"]
        if len(retained) != 1:
            raise RehearsalError(
                f"{assembly} has {len(retained)} environments that retain data, and the runbook is for one: run "
                "`make synth` first."
            )
        configuration = retained[0]["configuration"]
        return cls(
            environment=retained[0]["environment"],
            account=configuration["account"],
            primary=configuration["primary_region"],
            recovery=configuration["dr_region"],
            tasks=configuration["min_tasks"],
        )

    @property
    def recovered(self) -> str:
        """What is brought up in the DR region."""
        return f"{self.environment}Dr"

    def resource(self, service: str, *, region: str | None = None) -> str:
        """A resource of the lost environment, or of the one that serves in a region."""
        environment = self.recovered if region == self.recovery else self.environment
        return f"payment-{service}-{environment.lower()}"

    def parameter(self, name: str, *, region: str | None = None) -> str:
        """A parameter of the lost environment, or of the one that serves in a region."""
        environment = self.recovered if region == self.recovery else self.environment
        return f"/payment/{environment.lower()}/{name}"

    @property
    def log(self) -> str:
        """The audit log."""
        return f"{self.resource('audit')}-{self.account}-{self.primary}"

    @property
    def replica(self) -> str:
        """The audit log's replica."""
        return f"{self.resource('audit')}-{self.account}-{self.recovery}"

    @property
    def new_log(self) -> str:
        """The audit log of what is brought up."""
        return f"{self.resource('audit', region=self.recovery)}-{self.account}-{self.recovery}"
