"""The names of the drilled environment: `payment-{service}-{environment}`, in the runbook and on the platform."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cdk_rehearsal import RehearsalError


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The drilled environment and its recovery environment."""

    environment: str  # such as Prod
    account: str
    release: str  # that is deployed
    primary: str  # the region that is lost
    recovery: str  # the DR region
    tasks: int  # the minimum of its service

    @classmethod
    def of(cls, assembly: Path) -> Self:
        """The only environment of a cloud assembly that retains its data, which the runbook is about."""
        manifests = [json.loads(file.read_text(encoding="utf-8")) for file in assembly.glob("*.manifest.json")]
        retained = [one for one in manifests if one["configuration"]["data_protection"] == "retained"]
        if len(retained) != 1:
            raise RehearsalError(
                f"{assembly} has {len(retained)} environments that retain data, and the runbook is about one: run "
                "`make synth` first."
            )
        configuration = retained[0]["configuration"]
        return cls(
            environment=retained[0]["environment"],
            account=configuration["account"],
            release=retained[0]["release"],
            primary=configuration["primary_region"],
            recovery=configuration["dr_region"],
            tasks=configuration["min_tasks"],
        )

    @property
    def recovered(self) -> str:
        """The recovery environment, which the runbook deploys in the DR region."""
        return f"{self.environment}Dr"

    def resource(self, service: str, *, region: str | None = None) -> str:
        """A resource of the drilled environment, or of the environment that serves in a region."""
        return f"payment-{service}-{self._environment(region)}"

    def parameter(self, name: str, *, region: str | None = None) -> str:
        """A parameter of the drilled environment, or of the environment that serves in a region."""
        return f"/payment/{self._environment(region)}/{name}"

    def _environment(self, region: str | None) -> str:
        return (self.recovered if region == self.recovery else self.environment).lower()

    def audit_log(self, region: str, *, recovered: bool = False) -> str:
        """The audit log in a region: the log, its replica, or the log of the recovery environment."""
        name = self.resource("audit", region=self.recovery if recovered else None)
        return f"{name}-{self.account}-{region}"
