"""The inputs and the outcome of an action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_rehearsal.artifacts import Artifacts
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.commit import Commit
from cdk_rehearsal.console import Step
from cdk_rehearsal.engine import Engine
from cdk_rehearsal.pipeline import Pipeline
from cdk_rehearsal.workplace import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One action of one execution."""

    workplace: Workplace
    home: Environment  # the pipeline's
    key: str  # the access key of the action's role, else of the pipeline's
    engine: Engine
    pipeline: Pipeline
    execution: str
    action_execution: str
    commit: Commit
    configuration: Mapping[str, str]  # resolved
    artifacts: Artifacts
    step: Step
    log: Path

    def as_role(self, service: str, *, region: str) -> Any:
        """A client of the action's role."""
        return self.workplace.emulator.client(service, account=self.key, region=region)

    def client(self, service: str, *, region: str) -> Any:
        """A client of the pipeline's account, for what is no request of the action."""
        return self.workplace.emulator.client(service, account=self.home.account, region=region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outputs of an action that succeeded."""

    summary: str = ""
    revision: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    key: str = ""  # the access key of the role that stores them, if it is not that of the action
    variables: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()  # the resources that it created, updated or deleted
    notes: tuple[str, ...] = ()  # what was not done as AWS would do it
