"""What a release changes in an environment: the answer to the question that an approval asks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.plan.changes import Action, Change, Replacement, stateful_faults, template_changes
from pipeline.plan.network import broadened_network
from pipeline.plan.permissions import broadened_permissions

_FEW = 200
"""More lines of broadening than anybody reads; then they are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What a release changes in one stack.

    Args:
        name: The stack as CloudFormation knows it.
        region: Where it stands.
        deployed: The release that stands there; None where no stack does.
        status: Its status; None where it does not stand.
        changes: Its resources that are added, changed or removed.
        permissions: What is newly permitted.
        network: What is newly open, or no longer protected.
    """

    name: str
    region: str
    deployed: str | None
    status: str | None
    changes: tuple[Change, ...]
    permissions: tuple[str, ...]
    network: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        """Whether nothing stands there yet."""
        return self.status is None

    @property
    def is_busy(self) -> bool:
        """Whether another deployment is at work there, so that the plan compares with what that one brings."""
        return self.status is not None and self.status.endswith("_IN_PROGRESS")

    def of(self, kind: str) -> list[Change]:
        """The changes of one kind: replaced, removed, changed, added."""
        return [change for change in self.changes if kind_of(change) == kind]

    @classmethod
    def compare(
        cls,
        *,
        name: str,
        region: str,
        deployed: str | None,
        status: str | None,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any],
    ) -> "StackPlan":
        """Compares the template that stands, if one does, with the one that comes."""
        return cls(
            name=name,
            region=region,
            deployed=deployed,
            status=status,
            changes=tuple(template_changes(stack=name, region=region, before=before, after=after)),
            permissions=tuple(broadened_permissions(before=before or {}, after=after)),
            network=tuple(broadened_network(before=before or {}, after=after)),
        )


KINDS = ("replaced", "removed", "changed", "added")


def kind_of(change: Change) -> str:
    """How people call what becomes of a resource."""
    if change.replacement is not Replacement.NEVER:
        return "replaced"
    return {Action.ADD: "added", Action.MODIFY: "changed", Action.REMOVE: "removed"}[change.action]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a release changes in an environment.

    Args:
        environment: Its name.
        release: The commit that is to be deployed.
        stacks: In the order of their deployment.
        allowed: The losses of stored data that the settings allow.
    """

    environment: str
    release: str
    stacks: tuple[StackPlan, ...]
    allowed: tuple[str, ...] = ()

    @property
    def broadens(self) -> bool:
        """Whether permissions or the network are wider afterwards."""
        return any(stack.permissions or stack.network for stack in self.stacks)

    @property
    def losses(self) -> list[str]:
        """The stored data that would be lost, which the guard stops."""
        return stateful_faults(self._changes(), allowed=self.allowed)

    @property
    def wanted_losses(self) -> list[str]:
        """The allowed changes that this release makes use of."""
        without = stateful_faults(self._changes(), allowed=())
        return [entry for entry in self.allowed if any(f'"{entry}"' in fault for fault in without)]

    def count(self, kind: str) -> int:
        """How many resources, in all stacks."""
        return sum(len(stack.of(kind)) for stack in self.stacks)

    @property
    def summary(self) -> str:
        """The plan in one line, as the approval's message carries it."""
        counts = ", ".join(f"{self.count(kind)} {kind}" for kind in KINDS)
        broader = sum(len(stack.permissions) + len(stack.network) for stack in self.stacks)
        warnings = [
            f"broadens {broader} permissions or network paths" if broader else "broadens nothing",
            *([f"LOSES DATA in {len(self.losses)} places"] if self.losses else []),
            *([f"{len(self.wanted_losses)} losses allowed by name"] if self.wanted_losses else []),
        ]
        return f"{self.environment}: {counts}; {'; '.join(warnings)}"

    def _changes(self) -> Sequence[Change]:
        return [change for stack in self.stacks for change in stack.changes]


def shown(lines: Sequence[str]) -> Iterator[str]:
    """The lines that are worth showing, and how many there are besides."""
    yield from lines[:_FEW]
    if len(lines) > _FEW:
        yield f"and {len(lines) - _FEW} more"
