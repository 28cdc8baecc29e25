"""The Lambda code that publishes a call that leads past a gate, the gates of a changed pipeline, and image findings.

It reads the pipeline as it is now, not what a commit says. It runs as one file, so it imports nothing of this project.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

_CHANGES = ("CreatePipeline", "DeletePipeline", "UpdatePipeline")
_CONDITIONS = ("beforeEntry", "onSuccess", "onFailure")
_LONGEST_SUBJECT, _LONGEST = 100, 2000


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Publishes one message. What fails here is repeated, and then published by Lambda itself."""
    subject, lines = _watched(event) if "eventName" in event["detail"] else _finding(event)
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC"], Subject=subject[:_LONGEST_SUBJECT], Message="\n\n".join(lines)
    )


def _finding(event: Mapping[str, Any]) -> tuple[str, list[str]]:
    """A finding of Inspector, or the result of a basic scan of ECR."""
    detail = event["detail"]
    if "severity" in detail:
        what, images = detail["title"], [each["id"] for each in detail["resources"]]
    else:
        what = f"{detail['finding-severity-counts']['CRITICAL']} findings"
        images = [f"{detail['repository-name']}/{detail['image-digest']}"]
    return f"Critical in the image: {what}", [
        f"A scan found {what}, which is critical, in {', '.join(images)}: account {event['account']}, region "
        f"{event['region']}, at {event['time']}.",
        "If it is the image of delivery.image in cdk.json, it runs, and the next release is refused: "
        "docs/operations.md#image-with-critical-findings",
    ]


def _watched(event: Mapping[str, Any]) -> tuple[str, list[str]]:
    """A call, with the gates of the pipeline if it changed one."""
    detail = event["detail"]
    asked = detail.get("requestParameters") or {}
    subject, lines = f"{detail['eventName']} in account {event['account']}", [_call(event)]
    if detail["eventName"] in _CHANGES:
        name = (asked.get("pipeline") or asked).get("name", "?")
        try:
            pipeline = boto3.client("codepipeline").get_pipeline(name=name)["pipeline"]
            approvals = ", ".join(_approvals(pipeline)) or "none"
            subject, lines = f"{name} has the approvals: {approvals}", [*lines, *_gates(pipeline, approvals)]
        except Exception as error:  # whatever it is, the gates are unknown, which is worth a message
            subject = f"{name}: the gates could not be read"
            lines.append(f"{subject}: {error}. Look at the pipeline in the console.")
    else:
        lines.append(f"It asked for: {json.dumps(asked, default=str)[:_LONGEST]}")
    lines.append("If this was not agreed, it is an incident: docs/operations.md#watcher")
    return subject, lines


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


def _approvals(pipeline: Mapping[str, Any]) -> Iterator[str]:
    for stage in pipeline["stages"]:
        yield from (action["name"] for action in stage["actions"] if _is_approval(action))


def _gates(pipeline: Mapping[str, Any], approvals: str) -> Iterator[str]:
    """Every stage with its actions in run order and its conditions."""
    yield (
        f"Pipeline {pipeline['name']} is now version {pipeline.get('version')}, {pipeline.get('executionMode')}, with "
        f"the approvals: {approvals}. Compare an earlier one: aws codepipeline get-pipeline --pipeline-version."
    )
    for stage in pipeline["stages"]:
        actions = sorted(stage["actions"], key=lambda action: (action.get("runOrder", 1), action["name"]))
        shown = [f"{each['name']} (approval)" if _is_approval(each) else str(each["name"]) for each in actions]
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
