"""Stacks on the emulator, for tests: each call waits for the end of the operation, or raises its reason."""

import json
import time
from collections.abc import Mapping
from typing import Any

from cdk_rehearsal.emulator import Emulator

ACCOUNT = "222222222222"
PRIMARY = "ap-southeast-1"
RECOVERY = "us-west-2"
_SECONDS = 120  # a first database takes seconds, on a machine with other work a minute


class StackError(Exception):
    """A stack operation failed; the message is the reasons of its events."""


def deploy(
    emulator: Emulator,
    name: str,
    resources: Mapping[str, Any],
    *,
    outputs: Mapping[str, Any] | None = None,
    account: str = ACCOUNT,
    region: str = PRIMARY,
    tags: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Create or update a stack; returns its outputs."""
    template = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()}}
    return deploy_template(
        emulator, name, {"TemplateBody": json.dumps(template)}, account=account, region=region, tags=tags
    )


def deploy_template(
    emulator: Emulator,
    name: str,
    template: Mapping[str, str],
    *,
    account: str = ACCOUNT,
    region: str = PRIMARY,
    tags: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Create or update a stack from the body or the URL of a template; returns its outputs."""
    cloudformation = emulator.client("cloudformation", account=account, region=region)
    exists = name in {
        stack["StackName"]
        for stack in cloudformation.describe_stacks()["Stacks"]
        if stack["StackStatus"] not in {"DELETE_COMPLETE", "ROLLBACK_COMPLETE"}
    }
    put = cloudformation.update_stack if exists else cloudformation.create_stack
    stack_id = put(
        StackName=name,
        **template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )["StackId"]
    stack = _settled(cloudformation, stack_id, wanted={"CREATE_COMPLETE", "UPDATE_COMPLETE"})
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def delete(emulator: Emulator, name: str, *, account: str = ACCOUNT, region: str = PRIMARY) -> None:
    """Delete a stack."""
    cloudformation = emulator.client("cloudformation", account=account, region=region)
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack_id)
    _settled(cloudformation, stack_id, wanted={"DELETE_COMPLETE"})


def _settled(cloudformation: Any, stack_id: str, *, wanted: set[str]) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.03)
    if stack["StackStatus"] not in wanted:
        events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        failed = [event["ResourceStatusReason"] for event in reversed(events) if "FAILED" in event["ResourceStatus"]]
        raise StackError(f"{stack['StackStatus']}: {failed}")
    return stack
