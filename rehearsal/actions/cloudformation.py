"""CloudFormation actions: change sets made and executed in the target account, under the role that the action names.

A change set without changes succeeds, as it does in CodePipeline, and says so.
"""

import json
import stat
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from rehearsal import archive
from rehearsal.actions.context import Context, Outcome
from rehearsal.actions.stack import event_ids, outputs, settled, status
from rehearsal.actions.template import handed_over
from rehearsal.errors import DeliveryError
from rehearsal.pipeline import Action
from rehearsal.roles import assume

NO_CHANGES = "no changes"
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_NEW = {None, "REVIEW_IN_PROGRESS"}  # a stack that so far is only a change set
_POLL_SECONDS = 0.2

Mode = Callable[[Action, Context, str, Any], Outcome]


def carry_out(action: Action, context: Context) -> Outcome:
    """Do what the action's mode says, under its role or else in the pipeline's account."""
    modes: dict[str, Mode] = {
        "CHANGE_SET_REPLACE": _replace_change_set,
        "CHANGE_SET_EXECUTE": _execute_change_set,
        "CREATE_UPDATE": _create_or_update,
        "DELETE_ONLY": _delete,
    }
    mode = context.configuration["ActionMode"]
    if mode not in modes:
        raise DeliveryError(f"A rehearsal cannot carry out {action}: it does not know the mode {mode}.")
    emulator, key = context.workplace.emulator, context.home.account
    if action.role_arn is not None:
        key = assume(action.role_arn, emulator=emulator, home=context.home, session=context.execution)
    return modes[mode](action, context, key, emulator.client("cloudformation", account=key, region=action.region))


def _replace_change_set(action: Action, context: Context, key: str, client: Any) -> Outcome:
    stack, name = context.configuration["StackName"], context.configuration["ChangeSetName"]
    found = status(client, stack)
    if found is not None:  # an executed change set stays listed, and its name taken
        client.delete_change_set(StackName=stack, ChangeSetName=name)
    kind = "CREATE" if found in _NEW else "UPDATE"
    with handed_over(action, context, key=key) as (request, configuration):
        if "StackPolicy" in configuration:
            raise DeliveryError(f"{action} wants a stack policy, and no change set can set one.")
        created = client.create_change_set(StackName=stack, ChangeSetName=name, ChangeSetType=kind, **request)
        described = _described(client, created["Id"], context)
    if _is_empty(described):
        return Outcome(summary=NO_CHANGES)
    if described["Status"] != "CREATE_COMPLETE":
        raise DeliveryError(f"No change set for {stack}: {described.get('StatusReason', described['Status'])}")
    changes = Counter(change["ResourceChange"]["Action"].lower() for change in described["Changes"])
    return Outcome(summary=", ".join(f"{verb} {number}" for verb, number in sorted(changes.items())))


def _execute_change_set(action: Action, context: Context, _key: str, client: Any) -> Outcome:
    stack, name = context.configuration["StackName"], context.configuration["ChangeSetName"]
    if _is_empty(client.describe_change_set(StackName=stack, ChangeSetName=name)):
        return _done(action, context, client, summary=NO_CHANGES)
    before = event_ids(client, stack)
    client.execute_change_set(StackName=stack, ChangeSetName=name)
    return _done(action, context, client, summary=settled(client, stack, before=before, watch=context.step.watch))


def _create_or_update(action: Action, context: Context, key: str, client: Any) -> Outcome:
    stack = context.configuration["StackName"]
    found = status(client, stack)
    before = event_ids(client, stack) if found else set()
    with handed_over(action, context, key=key) as (request, configuration):
        if "StackPolicy" in configuration:
            request["StackPolicyBody"] = json.dumps(configuration["StackPolicy"])
        try:
            (client.create_stack if found in _NEW else client.update_stack)(StackName=stack, **request)
        except ClientError as error:
            if not any(words in str(error) for words in _EMPTY):
                raise
            return _done(action, context, client, summary=NO_CHANGES)
        summary = settled(client, stack, before=before, watch=context.step.watch)
    return _done(action, context, client, summary=summary)


def _delete(_action: Action, context: Context, _key: str, client: Any) -> Outcome:
    stack = context.configuration["StackName"]
    if status(client, stack) is None:
        return Outcome(summary="does not exist")
    before = event_ids(client, stack)
    stack_id: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]  # the name is gone with the stack
    client.delete_stack(StackName=stack)
    return Outcome(summary=settled(client, stack_id, before=before, watch=context.step.watch))


def _described(client: Any, change_set: str, context: Context) -> Mapping[str, Any]:
    """The change set when it is made, all its changes included."""
    while True:
        described: dict[str, Any] = client.describe_change_set(ChangeSetName=change_set)
        if described["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            break
        context.step.watch(f"change set {described['ChangeSetName']} of {described['StackName']}")
        time.sleep(_POLL_SECONDS)
    while token := described.get("NextToken"):
        page = client.describe_change_set(ChangeSetName=change_set, NextToken=token)
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
        content = archive.pack([(file, stat.S_IFREG | 0o644, json.dumps(found).encode())])
        artifacts = dict.fromkeys(action.outputs, content)
    return Outcome(summary=summary, variables=found, artifacts=artifacts)
