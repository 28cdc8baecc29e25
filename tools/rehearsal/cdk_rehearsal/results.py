"""The results of executions and of their actions, as the closing report shows them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cdk_rehearsal.artifacts import Artifacts
from cdk_rehearsal.commit import Commit

_LONGEST_REASON = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What became of an action."""

    stage: str
    action: str
    provider: str
    status: str
    seconds: float
    summary: str
    log: str


@dataclass(slots=True, kw_only=True)
class ExecutionResult:
    """What became of an execution."""

    id: str
    pipeline_version: int
    status: str = "InProgress"
    reason: str = ""
    actions: list[ActionResult] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)  # stages
    notes: list[str] = field(default_factory=list)
    rolls_back: bool = False  # it carries a stage out again, with what arrived there before
    roll_back_stage: str = ""  # the stage that is to be rolled back because of it

    def add(self, action: ActionResult, *, notes: Iterable[str]) -> None:
        """Another action, or rule, and what was not done as AWS would do it."""
        self.actions.append(action)
        self.notes += notes


def shortened(text: str) -> str:
    """A service may quote a whole template in its message; the beginning and the end say what is wrong with it."""
    return (
        text
        if len(text) <= _LONGEST_REASON
        else f"{text[: _LONGEST_REASON // 2]} [...] {text[-_LONGEST_REASON // 2 :]}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A stage that succeeded, with all that its actions worked with."""

    stage: str
    execution: str
    commit: Commit
    artifacts: Artifacts
    namespaces: Mapping[str, Mapping[str, str]]
