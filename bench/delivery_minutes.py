"""From push to Prod: the actions that wait for each other in the synthesized pipeline, and minutes by a model.

The minutes are of a release that changes the service's image, people and deployment windows left out. Nothing here was
measured on AWS: each figure of the model says where it comes from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.service_rollout import rollout_minutes

Json = Mapping[str, Any]

MINUTES = {
    "Source": (0.2, "a webhook and a copy of the repository"),
    "Synth": (4.0, "a build's start, half a minute, and make check with make synth on 4 vCPU"),
    "SelfMutate": (1.5, "a build's start, the CDK CLI's installation, a deployment without changes"),
    "Invoke": (0.1, "a function, a few seconds"),
    "Prepare": (0.5, "a change set over some 190 resources"),
    "Deploy": (1.0, "an update of a few resources; a service adds its own rollout"),
    "CodeBuild": (1.5, "a build's start, half a minute, and its commands"),
    "Approval": (0.0, "people"),
}
"""Minutes by kind of action, with their basis; as of 2026-11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Actions of one run order: they go on together when all of them are done.

    Args:
        stage: Their stage.
        actions: Their names.
        minutes: How long the slowest of them takes.
    """

    stage: str
    actions: tuple[str, ...]
    minutes: float


def steps_to(environment: str, *, stages: Sequence[Json], templates: Mapping[str, Json]) -> Iterator[Step]:
    """The steps from the push until the last stack of an environment is deployed.

    Args:
        environment: Where the release is to arrive.
        stages: The stages of the synthesized pipeline.
        templates: The templates of the stacks, by their names.
    """
    for stage in stages:
        last = stage["Name"] == environment
        stacks = [action["RunOrder"] for action in stage["Actions"] if _stack(action)]
        for order in sorted({action["RunOrder"] for action in stage["Actions"]}):
            if last and order > max(stacks):
                return
            together = [action for action in stage["Actions"] if action["RunOrder"] == order]
            yield Step(
                stage=stage["Name"],
                actions=tuple(action["Name"] for action in together),
                minutes=max(_minutes(action, templates) for action in together),
            )
        if last:
            return
        if baking := sum(_waits(stage)):
            yield Step(stage=stage["Name"], actions=("OnSuccess",), minutes=baking)


def _stack(action: Json) -> str:
    return str(action["Configuration"].get("StackName", "")) if "Configuration" in action else ""


def _minutes(action: Json, templates: Mapping[str, Json]) -> float:
    category, provider = action["ActionTypeId"]["Category"], action["ActionTypeId"]["Provider"]
    if category != "Deploy":
        kinds = (action["Name"], category, provider)
        return next(MINUTES[kind][0] for kind in kinds if kind in MINUTES)
    if action["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE":
        return MINUTES["Prepare"][0]
    return MINUTES["Deploy"][0] + rollout_minutes(templates[_stack(action)])


def _waits(stage: Json) -> Iterator[float]:
    for condition in stage.get("OnSuccess", {}).get("Conditions", []):
        for rule in condition["Rules"]:
            yield float(rule["Configuration"].get("WaitTime", 0))
