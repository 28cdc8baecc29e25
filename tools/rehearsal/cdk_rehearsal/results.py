"""The results of executions and of their actions, as the closing report shows them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cdk_rehearsal.artifacts import Artifacts
from cdk_rehearsal.commit import Commit

_LONGEST_REASON = 4000
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """The result of an action or a rule."""

    stage: str
    action: str
    provider: str
    status: str
    seconds: float
    summary: str
    log: str
    changed: tuple[str, ...] = ()  # the resources that it created, updated or deleted

    @property
    def headline(self) -> str:
        """The first line of the summary with the changed resources, where they are few enough to name."""
        first = next(iter(self.summary.splitlines()), "")
        named = ", ".join(self.changed) if len(self.changed) <= _MOST_NAMED else f"{len(self.changed)} resources"
        return f"{first}: {named}" if named else first


@dataclass(slots=True, kw_only=True)
class ExecutionResult:
    """The result of an execution."""

    id: str
    pipeline_version: int
    status: str = "InProgress"
    reason: str = ""
    actions: list[ActionResult] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)  # stages
    notes: list[str] = field(default_factory=list)
    waiting: str = ""  # the approval that it ended at, and how to answer it
    rolls_back: bool = False  # it carries out a stage again, with what the stage had before
    roll_back_stage: str = ""  # the stage to roll back because of it

    def add(self, action: ActionResult, *, notes: Iterable[str]) -> None:
        """Add an action or rule, and what was not done as AWS would do it."""
        self.actions.append(action)
        self.notes += notes


def shortened(text: str) -> str:
    """The beginning and the end of a message, in which a service may quote a whole template."""
    half = _LONGEST_REASON // 2
    return text if len(text) <= _LONGEST_REASON else f"{text[:half]} [...] {text[-half:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A stage that succeeded, with the inputs of its actions, for a rollback to it."""

    stage: str
    execution: str
    commit: Commit
    artifacts: Artifacts
    namespaces: Mapping[str, Mapping[str, str]]
