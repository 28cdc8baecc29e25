"""A stack while something happens to it: how it stands, what failed in it, and what it puts out."""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.errors import DeliveryError
from rehearsal.processes import Watcher

_POLL_SECONDS = 0.2
_SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "DELETE_COMPLETE"}
_MOST_REASONS = 10


def status(client: Any, stack: str) -> str | None:
    """The stack's status; None when there is no stack."""
    try:
        found: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found


def outputs(client: Any, stack: str) -> dict[str, str]:
    """The stack's outputs."""
    described = client.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def event_ids(client: Any, stack: str) -> set[str]:
    """Everything that has happened to the stack so far."""
    return {event["EventId"] for event in _events(client, stack)}


def settled(client: Any, stack: str, *, before: set[str], watch: Watcher) -> str:
    """Wait until the stack stands still; fails with the reasons of its resources, which its status never tells."""
    while (found := status(client, stack) or "DELETE_COMPLETE").endswith("_IN_PROGRESS"):
        watch(f"{stack}: {found}")
        time.sleep(_POLL_SECONDS)
    if found in _SUCCEEDED:
        return found
    new = [event for event in reversed(_events(client, stack)) if event["EventId"] not in before]
    reasons = [reason for event in new if (reason := _reason(event)) is not None]
    raise DeliveryError("\n    ".join([f"{stack} is {found}.", *reasons[:_MOST_REASONS]]))


def _events(client: Any, stack: str) -> list[Mapping[str, Any]]:
    """Newest first: what happened to resources, and what was refused before any was touched."""
    happened = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    operations = client.get_paginator("describe_events").paginate(StackName=stack)
    return [
        *(event for page in happened for event in page["StackEvents"]),
        *(event for page in operations for event in page["OperationEvents"] if "ValidationStatus" in event),
    ]


def _reason(event: Mapping[str, Any]) -> str | None:
    """Why the event is a failure; None when it is none."""
    if event.get("ValidationFailureMode") == "FAIL" and event["ValidationStatus"] == "FAILED":
        reason = event.get("ValidationStatusReason")
    elif event.get("ResourceStatus", "").endswith("_FAILED"):
        reason = event.get("ResourceStatusReason")
    else:
        return None
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason or 'no reason given'}"
