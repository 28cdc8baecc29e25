"""What once arrived in a stage and passed it: what that stage can be rolled back to."""

from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.artifacts import Artifacts
from rehearsal.commit import Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A stage that succeeded, with all that its actions worked with."""

    stage: str
    execution: str
    commit: Commit
    artifacts: Artifacts
    namespaces: Mapping[str, Mapping[str, str]]
