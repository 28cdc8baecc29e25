"""What the pictures know of a delivery: the stages of its pipeline, where each action works, and what holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

TOOLING = "Tooling"
"""Whose account it is in which the pipeline itself stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an action works.

    Args:
        owner: Whose account it is: an environment's, or that of the tools. No number: accounts are a team's settings.
        region: The region in it.
    """

    owner: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action of the pipeline.

    Args:
        name: Without the stack that it is about.
        category: CodePipeline's, such as ``Deploy`` or ``Approval``.
        order: Those of one order run together.
        stack: The stack that it is about, without its environment; empty where there is none.
        place: Where it works.
        commands: What it runs, in short.
    """

    name: str
    category: str
    order: int
    stack: str
    place: Place
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A V2 condition of a stage.

    Args:
        when: ``BeforeEntry``, ``OnSuccess`` or ``OnFailure``.
        result: What becomes of the stage, such as ``SKIP`` or ``ROLLBACK``; of ``OnFailure``, always.
        rule: What is looked at, such as ``CloudWatchAlarm``; empty where nothing is.
        settings: The rule's.
    """

    when: str
    result: str
    rule: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Actions of a stage that belong together: those about one stack, or those of one run order."""

    stack: str
    place: Place
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of the pipeline; its actions in their order."""

    name: str
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...]

    @property
    def asks(self) -> bool:
        """Whether a person is asked in it."""
        return any(action.category == "Approval" for action in self.actions)

    @property
    def deploys(self) -> bool:
        """Whether an environment is deployed in it."""
        return any(action.stack for action in self.actions)

    def blocks(self) -> list[Block]:
        """Its actions, as they follow each other."""
        together = groupby(self.actions, key=lambda action: action.stack or str(action.order))
        blocks = [tuple(actions) for _, actions in together]
        return [Block(stack=each[0].stack, place=each[0].place, actions=each) for each in blocks]

    def when(self, moment: str) -> list[Condition]:
        """Its conditions of one kind."""
        return [condition for condition in self.conditions if condition.when == moment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The pipeline.

    Args:
        stack: The stack that it stands in, and that it updates itself.
        home: Where that stands.
        stages: Its stages, in order.
    """

    stack: str
    home: Place
    stages: tuple[Stage, ...]

    @property
    def environments(self) -> list[str]:
        """What is deployed, in order."""
        return [stage.name for stage in self.stages if stage.deploys]
