"""The Lambda code that publishes calls that lead past a gate, gates, changed resources and image findings.

It reads the pipeline as it is now, not what a commit says. It runs as one file, so it imports nothing of this project.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

_CHANGES = ("CreatePipeline", "DeletePipeline", "UpdatePipeline")
_CONDITIONS = ("beforeEntry", "onSuccess", "onFailure")
_TARGETS = ("StackName", "ProjectName", "FunctionName")
_LONGEST_SUBJECT, _LONGEST = 100, 2000


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Publishes one message. What fails here is repeated, and then published by Lambda itself."""
    subject, *lines = _message(event)
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"], Subject=subject[:_LONGEST_SUBJECT], Message="\n\n".join(lines)
    )


def _message(event: Mapping[str, Any]) -> Iterator[str]:
    """The subject, then the paragraphs."""
    if not {"eventName", "stack-id"} & event["detail"].keys():
        yield from _finding(event)
        return
    yield from _of_a_resource(event) if "stack-id" in event["detail"] else _of_a_call(event)
    yield "If this was not agreed, it is an incident: docs/operations.md#watcher"


def _finding(event: Mapping[str, Any]) -> Iterator[str]:
    """A finding of Inspector, or the result of a basic scan of ECR."""
    detail = event["detail"]
    if "severity" in detail:
        what, images = detail["title"], [each["id"] for each in detail["resources"]]
    else:
        what = f"{detail['finding-severity-counts']['CRITICAL']} findings"
        images = [f"{detail['repository-name']}/{detail['image-digest']}"]
    yield f"Critical in the image: {what}"
    yield (
        f"A scan found {what}, which is critical, in {', '.join(images)}: account {event['account']}, region "
        f"{event['region']}, at {event['time']}."
    )
    yield (
        "If it is the image of delivery.image in cdk.json, it runs, and the next release is refused: "
        "docs/operations.md#image-with-critical-findings"
    )


def _of_a_resource(event: Mapping[str, Any]) -> Iterator[str]:
    detail = event["detail"]
    stack, name = detail["stack-id"].split("/")[1], detail["logical-resource-id"]
    status, kind = detail["status-details"]["status"], detail["resource-type"]
    yield f"{stack}: {name} is {status}"
    yield (
        f"CloudFormation reports {status} of {name} ({kind}, {detail.get('physical-resource-id')}) in the stack "
        f"{stack} of account {event['account']}, region {event['region']}, at {event['time']}."
    )


def _of_a_call(event: Mapping[str, Any]) -> Iterator[str]:
    detail = event["detail"]
    asked = detail.get("requestParameters") or {}
    if detail["eventName"] not in _CHANGES:
        yield f"{detail['eventName']} in account {event['account']}"
        yield _call(event)
        yield f"It asked for: {json.dumps(asked, default=str)[:_LONGEST]}"
        return
    name = (asked.get("pipeline") or asked).get("name", "?")
    try:
        pipeline = boto3.client("codepipeline").get_pipeline(name=name)["pipeline"]
        lines = [_deployments(pipeline), _call(event), *_gates(pipeline)]
    except Exception as error:  # whatever it is, the gates are unknown, which is worth a message
        yield f"{name}: the gates could not be read"
        yield _call(event)
        yield f"{name}: the gates could not be read: {error}. Look at the pipeline in the console."
    else:
        yield f"{name} has the approvals: {_approvals(pipeline)}"
        yield from lines


def _call(event: Mapping[str, Any]) -> str:
    detail = event["detail"]
    identity = detail["userIdentity"]
    caller = identity.get("arn") or f"{identity.get('type')} {identity.get('principalId', identity.get('accountId'))}"
    refused = f"was refused: {detail.get('errorCode')} {detail.get('errorMessage', '')}".rstrip()
    result = refused if "errorCode" in detail else "succeeded"
    return (
        f"{caller} called {detail['eventName']} in account {event['account']}, region {event['region']}, at "
        f"{event['time']}. The call {result}"
    )


def _approvals(pipeline: Mapping[str, Any]) -> str:
    actions = (action for stage in pipeline["stages"] for action in stage["actions"])
    return ", ".join(action["name"] for action in actions if _is_approval(action)) or "none"


def _deployments(pipeline: Mapping[str, Any]) -> str:
    """The stacks and other accounts that each approval precedes."""
    found: dict[str, dict[str, None]] = {}
    deployed = found["Deployed without an approval"] = {}
    for stage in pipeline["stages"]:
        for action in _in_order(stage):
            if _is_approval(action):
                deployed = found[f"Deployed after {action['name']}"] = {}
            elif "StackName" in action.get("configuration", {}) or "roleArn" in action:
                deployed[_target(action)] = None
    return "\n".join(f"{when}: {', '.join(targets) or 'nothing'}" for when, targets in found.items())


def _in_order(stage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """By run order; an approval after the actions that run at the same time, which do not wait for it."""
    return sorted(stage["actions"], key=lambda each: (each.get("runOrder", 1), _is_approval(each), each["name"]))


def _target(action: Mapping[str, Any]) -> str:
    """The stack, project or function that an action acts on, then account and region where they are not its own."""
    named = [action["configuration"][key] for key in _TARGETS if key in action.get("configuration", {})]
    named += [*action.get("roleArn", "").split(":")[4:5], *filter(None, [action.get("region")])]
    return " ".join(named) or str(action["actionTypeId"]["category"]).lower()


def _gates(pipeline: Mapping[str, Any]) -> Iterator[str]:
    """Every stage with its actions in run order, what each acts on, and its conditions."""
    yield (
        f"Pipeline {pipeline['name']} is now version {pipeline.get('version')}, {pipeline.get('executionMode')}. "
        "Compare an earlier one: aws codepipeline get-pipeline --pipeline-version."
    )
    for stage in pipeline["stages"]:
        shown = [f"{each['name']} ({_target(each)})" for each in _in_order(stage)]
        yield "\n  ".join([f"{stage['name']}: {', '.join(shown)}", *_conditions(stage)])


def _conditions(stage: Mapping[str, Any]) -> Iterator[str]:
    for kind in _CONDITIONS:
        found = stage.get(kind, {})
        if "result" in found:
            yield f"{kind}: {found['result']}"
        for condition in found.get("conditions", []):
            for rule in condition["rules"]:
                configuration = json.dumps(rule.get("configuration", {}), sort_keys=True)
                yield f"{kind}: {rule['ruleTypeId']['provider']} {configuration} or {condition.get('result')}"


def _is_approval(action: Mapping[str, Any]) -> bool:
    return bool(action["actionTypeId"]["category"] == "Approval")
