"""What became of an execution and of its actions, as the closing report tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

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
