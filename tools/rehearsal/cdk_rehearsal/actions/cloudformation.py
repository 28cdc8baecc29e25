"""CloudFormation actions: change sets in the target account, created and executed with the role of the action.

A change set without changes succeeds, as it does in CodePipeline, and says so.
"""

import json
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.artifacts import pack, read
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action
from cdk_rehearsal.processes import Watcher
from cdk_rehearsal.report import TOOLKIT

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
    """The events of the stack so far."""
    return {event["EventId"] for event in _events(client, stack)}


def settled(client: Any, stack: str, *, before: set[str], watch: Watcher) -> str:
    """Wait until no operation of the stack is in progress; fails with the reasons of its resources."""
    while (found := status(client, stack) or "DELETE_COMPLETE").endswith("_IN_PROGRESS"):
        watch(f"{stack}: {found}")
        time.sleep(_POLL_SECONDS)
    if found in _SUCCEEDED:
        return found
    new = [event for event in reversed(_events(client, stack)) if event["EventId"] not in before]
    reasons = [reason for event in new if (reason := _reason(event)) is not None]
    raise DeliveryError("\n    ".join([f"{stack} is {found}.", *reasons[:_MOST_REASONS]]))


def _events(client: Any, stack: str) -> list[Mapping[str, Any]]:
    """Newest first: events of resources, and refusals before any resource was changed."""
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


def _account(action: Action, context: Context) -> str:
    return context.home.account if action.role_arn is None else action.role_arn.split(":")[4]


def _observer(action: Action, context: Context) -> Any:
    """A client of the account itself, for what is no request of the action."""
    return context.workplace.emulator.client("cloudformation", account=_account(action, context), region=action.region)


_BUCKET_OUTPUT = "BucketName"


@contextmanager
def handed_over(action: Action, context: Context) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """The request to CloudFormation, and its template configuration.

    The template is handed over in the bucket of the bootstrap, which is no request of the action.
    """
    configuration = _configuration(action, context)
    emulator = context.workplace.emulator
    bucket = outputs(_observer(action, context), TOOLKIT)[_BUCKET_OUTPUT]
    store = emulator.client("s3", account=_account(action, context), region=action.region)
    name = f"rehearsal/{context.action_execution}.json"
    store.put_object(Bucket=bucket, Key=name, Body=_file(context.configuration["TemplatePath"], action, context))
    try:
        request = {
            "TemplateURL": f"{emulator.endpoint}/{bucket}/{name}",
            "Parameters": _parameters(action, context, configuration),
            "Tags": [{"Key": tag, "Value": value} for tag, value in configuration.get("Tags", {}).items()],
            "Capabilities": list(filter(None, context.configuration.get("Capabilities", "").split(","))),
        }
        if role := context.configuration.get("RoleArn"):
            request["RoleARN"] = role
        yield request, configuration
    finally:
        store.delete_object(Bucket=bucket, Key=name)


def _configuration(action: Action, context: Context) -> Mapping[str, Any]:
    path = context.configuration.get("TemplateConfiguration")
    configuration: Mapping[str, Any] = json.loads(_file(path, action, context)) if path else {}
    return configuration


def _parameters(action: Action, context: Context, configuration: Mapping[str, Any]) -> list[dict[str, str]]:
    overrides = json.loads(context.configuration.get("ParameterOverrides", "{}"))
    parameters = {**configuration.get("Parameters", {}), **overrides}
    if any(not isinstance(value, str) for value in parameters.values()):
        raise DeliveryError(f"{action} takes a parameter out of an artifact: a rehearsal knows only plain values.")
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _file(path: str, action: Action, context: Context) -> bytes:
    """The content of `Artifact::file`."""
    artifact, _, name = path.partition("::")
    try:
        return read(context.artifacts.load(artifact, region=action.region, key=context.key), name)
    except KeyError:
        raise DeliveryError(f"{action} needs {name}, which is not in the artifact {artifact}.") from None


NO_CHANGES = "no changes"
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_NEW = {None, "REVIEW_IN_PROGRESS"}  # a stack that so far is only a change set

Mode = Callable[[Action, Context, Any], Outcome]


def carry_out(action: Action, context: Context) -> Outcome:
    """Carry out the action's mode, with its role or else in the pipeline's account."""
    modes: dict[str, Mode] = {
        "CHANGE_SET_REPLACE": _replace_change_set,
        "CHANGE_SET_EXECUTE": _execute_change_set,
        "CREATE_UPDATE": _create_or_update,
        "DELETE_ONLY": _delete,
    }
    mode = context.configuration["ActionMode"]
    if mode not in modes:
        raise DeliveryError(f"A rehearsal cannot carry out {action}: it does not know the mode {mode}.")
    return modes[mode](action, context, context.as_role("cloudformation", region=action.region))


def _replace_change_set(action: Action, context: Context, client: Any) -> Outcome:
    stack, name = context.configuration["StackName"], context.configuration["ChangeSetName"]
    found = status(client, stack)
    if found is not None:  # an executed change set stays listed, and its name taken
        client.delete_change_set(StackName=stack, ChangeSetName=name)
    kind = "CREATE" if found in _NEW else "UPDATE"
    with handed_over(action, context) as (request, configuration):
        if "StackPolicy" in configuration:
            raise DeliveryError(f"{action} has a stack policy, which no change set can set.")
        created = client.create_change_set(StackName=stack, ChangeSetName=name, ChangeSetType=kind, **request)
        described = _described(client, context, ChangeSetName=created["Id"])
    if _is_empty(described):
        return Outcome(summary=NO_CHANGES)
    if described["Status"] != "CREATE_COMPLETE":
        raise DeliveryError(f"No change set for {stack}: {described.get('StatusReason', described['Status'])}")
    changes = Counter(change["ResourceChange"]["Action"].lower() for change in described["Changes"])
    return Outcome(summary=", ".join(f"{verb} {number}" for verb, number in sorted(changes.items())))


def _execute_change_set(action: Action, context: Context, client: Any) -> Outcome:
    stack, name = context.configuration["StackName"], context.configuration["ChangeSetName"]
    described = _described(client, context, StackName=stack, ChangeSetName=name)
    if _is_empty(described):
        return _done(action, context, client, summary=NO_CHANGES)
    # Of the change set, not of the events: the emulator updates each resource of a stack.
    changes = [change["ResourceChange"] for change in described["Changes"]]
    changed = sorted(change.get("PhysicalResourceId") or change["LogicalResourceId"] for change in changes)
    observer = _observer(action, context)
    before = event_ids(observer, stack)
    client.execute_change_set(StackName=stack, ChangeSetName=name)
    summary = settled(observer, stack, before=before, watch=context.step.watch)
    return replace(_done(action, context, client, summary=summary), changed=tuple(changed))


def _create_or_update(action: Action, context: Context, client: Any) -> Outcome:
    stack = context.configuration["StackName"]
    found = status(client, stack)
    observer = _observer(action, context)
    before = event_ids(observer, stack) if found else set()
    with handed_over(action, context) as (request, configuration):
        if "StackPolicy" in configuration:
            request["StackPolicyBody"] = json.dumps(configuration["StackPolicy"])
        try:
            (client.create_stack if found in _NEW else client.update_stack)(StackName=stack, **request)
        except ClientError as error:
            if not any(words in str(error) for words in _EMPTY):
                raise
            return _done(action, context, client, summary=NO_CHANGES)
        summary = settled(observer, stack, before=before, watch=context.step.watch)
    return _done(action, context, client, summary=summary)


def _delete(action: Action, context: Context, client: Any) -> Outcome:
    stack = context.configuration["StackName"]
    if status(client, stack) is None:
        return Outcome(summary="does not exist")
    observer = _observer(action, context)
    before = event_ids(observer, stack)
    stack_id: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]  # the name is gone with the stack
    client.delete_stack(StackName=stack)
    return Outcome(summary=settled(observer, stack_id, before=before, watch=context.step.watch))


def _described(client: Any, context: Context, **change_set: str) -> Mapping[str, Any]:
    """The finished change set with all its changes."""
    while True:
        described: dict[str, Any] = client.describe_change_set(**change_set)
        if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            break
        context.step.watch(f"change set {described['ChangeSetName']} of {described['StackName']}")
        time.sleep(_POLL_SECONDS)
    while token := described.get("NextToken"):
        page = client.describe_change_set(**change_set, NextToken=token)
        described = {**page, "Changes": [*described["Changes"], *page["Changes"]]}
    return described


def _is_empty(change_set: Mapping[str, Any]) -> bool:
    reason = change_set.get("StatusReason", "")
    return change_set["Status"] == "FAILED" and any(words in reason for words in _EMPTY)


def _done(action: Action, context: Context, client: Any, *, summary: str) -> Outcome:
    """The stack's outputs are the action's variables, and the file that it may name in its output artifact."""
    found = outputs(client, context.configuration["StackName"])
    artifacts: dict[str, bytes] = {}
    if file := context.configuration.get("OutputFileName"):
        content = pack([(file, stat.S_IFREG | 0o644, json.dumps(found).encode())])
        artifacts = dict.fromkeys(action.outputs, content)
    return Outcome(summary=summary, variables=found, artifacts=artifacts)
