"""What stands in the emulated accounts, asked of CloudFormation there and not concluded from the delivery."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.assembly import Environment, Stack
from rehearsal.emulator import Emulator

TOOLKIT = "CDKToolkit"  # what `cdk bootstrap` deploys
PERMISSIONS = "payment-delivery-permissions"  # and what is deployed before it
ABSENT = "does not exist"
CHANGED, UNCHANGED = "changed", "no changes"

Place = tuple[Environment, str]  # environment and stack name


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A stack, or that there is none."""

    stack: str
    environment: Environment
    status: str
    change: str
    resources: Mapping[str, int]  # type -> number


def latest_events(emulator: Emulator, stacks: Iterable[Stack]) -> dict[Place, str]:
    """The newest event of each stack: while it stays the same, nothing was done to the stack."""
    latest: dict[Place, str] = {}
    for stack in stacks:
        client = _client(emulator, stack.environment)
        try:
            latest[stack.environment, stack.name] = _latest(client, stack.name)
        except ClientError:
            continue  # it does not exist yet
    return latest


def look(
    emulator: Emulator,
    *,
    stacks: Iterable[Stack],
    environments: Iterable[Environment],
    before: Mapping[Place, str],
) -> list[Standing]:
    """The expected stacks in their order, then what stands beside them in the environments.

    The bootstrap stacks are not the delivery's and are left out.
    """
    expected = [(stack.environment, stack.name) for stack in stacks]
    found = {
        (environment, name): status
        for environment in sorted(set(environments))
        for name, status in _standing(_client(emulator, environment))
    }
    places = [*expected, *(place for place in found if place not in expected)]
    return [_describe(emulator, place, status=found.get(place), before=before) for place in places]


def _describe(emulator: Emulator, place: Place, *, status: str | None, before: Mapping[Place, str]) -> Standing:
    environment, name = place
    if status is None:
        return Standing(stack=name, environment=environment, status=ABSENT, change="", resources={})
    client = _client(emulator, environment)
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    return Standing(
        stack=name,
        environment=environment,
        status=status,
        change=UNCHANGED if before.get(place) == _latest(client, name) else CHANGED,
        resources=dict(Counter(resource["ResourceType"] for resource in resources)),
    )


def _standing(client: Any) -> Iterator[tuple[str, str]]:
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackStatus"] != "DELETE_COMPLETE" and stack["StackName"] not in {TOOLKIT, PERMISSIONS}:
                yield stack["StackName"], stack["StackStatus"]


def _latest(client: Any, name: str) -> str:
    event: str = client.describe_stack_events(StackName=name)["StackEvents"][0]["EventId"]
    return event


def _client(emulator: Emulator, environment: Environment) -> Any:
    return emulator.client("cloudformation", account=environment.account, region=environment.region)
