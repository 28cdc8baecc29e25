"""The changes of a release in an environment and in each of its stacks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pipeline.digests.content import digest
from pipeline.plan.changes import KINDS, Change, stateful_faults, template_changes
from pipeline.plan.configuration import Setting, changed_settings
from pipeline.plan.deployed import Deployed
from pipeline.plan.history import History
from pipeline.plan.network import broadened_network
from pipeline.plan.permissions import broadened_permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """The changes of a release in one stack."""

    name: str
    region: str
    deployed: Deployed | None
    digest: str  # of the new template
    settings: tuple[Setting, ...]  # those with another value
    changes: tuple[Change, ...]
    permissions: tuple[str, ...]  # granted by the release, or no longer denied
    network: tuple[str, ...]  # opened by the release, or no longer protected

    @classmethod
    def compare(cls, *, name: str, region: str, deployed: Deployed | None, template: Mapping[str, Any]) -> Self:
        """Compares the deployed stack with the template of the release."""
        before = deployed.template if deployed else None
        return cls(
            name=name,
            region=region,
            deployed=deployed,
            digest=digest(template),
            settings=tuple(changed_settings(before=before or {}, after=template)),
            changes=tuple(template_changes(stack=name, region=region, before=before, after=template)),
            permissions=tuple(broadened_permissions(before=before or {}, after=template)),
            network=tuple(broadened_network(before=before or {}, after=template)),
        )

    @property
    def running(self) -> str | None:
        """The status of the stack while another deployment runs, whose template the plan compares with."""
        return self.deployed.status if self.deployed and self.deployed.status.endswith("_IN_PROGRESS") else None

    def changes_of(self, kind: str) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.kind == kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes of a release in an environment."""

    environment: str
    release: str
    stacks: tuple[StackPlan, ...]  # in the order of deployment
    digest: str = ""  # of all stacks as Build made them; the approval shows it
    allowed: tuple[str, ...] = ()  # the entries of delivery.allowed_changes
    trial: str | None = None  # the reason of delivery.trial
    history: History = field(default_factory=History)  # since the deployed release

    @property
    def deployed(self) -> str | None:
        """The deployed release; None in a new environment."""
        return deployed_release(stack.deployed for stack in self.stacks)

    @property
    def subject(self) -> str:
        """The release's commit in one line, for the message of the approval."""
        subject = "".join(each if each.isprintable() else " " for each in self.history.subject)
        return subject or f"Release {self.release[:12]}"

    @property
    def settings(self) -> list[Setting]:
        """The settings with another value."""
        return [setting for stack in self.stacks for setting in stack.settings]

    @property
    def broadens(self) -> bool:
        """Whether the release grants permissions or opens network paths."""
        return any(stack.permissions or stack.network for stack in self.stacks)

    @property
    def losses(self) -> list[str]:
        """The losses of stored data that are not allowed, so that the guard stops the release."""
        return stateful_faults(self._changes, allowed=self.allowed)

    @property
    def allowed_losses(self) -> list[str]:
        """The allowed changes that this release contains."""
        faults = stateful_faults(self._changes, allowed=())
        return [entry for entry in self.allowed if any(f'"{entry}"' in fault for fault in faults)]

    @property
    def summary(self) -> str:
        """The plan in one line, for the message of the approval."""
        counts = ", ".join(f"{self.count(kind)} {kind}" for kind in KINDS if self.count(kind)) or "no changes"
        broader = sum(len(stack.permissions) + len(stack.network) for stack in self.stacks)
        warnings = [
            f"broadens {broader} permissions or network paths" if broader else "broadens nothing",
            *([f"LOSES DATA of {len(self.losses)} resources"] if self.losses else []),
            *([f"{len(self.allowed_losses)} allowed losses"] if self.allowed_losses else []),
        ]
        return f"{self.environment}: {counts}; {'; '.join(warnings)}"

    def count(self, kind: str) -> int:
        """The number of changes of one kind in all stacks."""
        return sum(len(stack.changes_of(kind)) for stack in self.stacks)

    @property
    def _changes(self) -> list[Change]:
        return [change for stack in self.stacks for change in stack.changes]


def deployed_release(stacks: Iterable[Deployed | None]) -> str | None:
    """The release of the last deployed stack: the ones before it are deployed earlier in a delivery."""
    releases = [stack.release for stack in stacks if stack and stack.release]
    return releases[-1] if releases else None
