"""The Lambda code that publishes the end of an execution as an event that names its release.

CodePipeline's own event has the id of the execution only. It runs as one file, so it imports nothing of this project.
"""

import json
from collections.abc import Mapping
from typing import Any

import boto3

SOURCE, DETAIL_TYPE = "payment.delivery", "Release ended"
_LONGEST = 150


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Publishes one event; EventBridge sends it to the topics."""
    detail = event["detail"]
    execution = boto3.client("codepipeline").get_pipeline_execution(
        pipelineName=detail["pipeline"], pipelineExecutionId=detail["execution-id"]
    )["pipelineExecution"]
    revision: Mapping[str, str] = next(iter(execution.get("artifactRevisions", [])), {})
    named = {
        "pipeline": detail["pipeline"],
        "execution": detail["execution-id"],
        "state": detail["state"],
        "kind": "rollback to release" if execution.get("executionType") == "ROLLBACK" else "release",
        "release": revision.get("revisionId", "unknown")[:12],
        "title": _line(_message(revision.get("revisionSummary", ""))),
        "reason": _line(execution.get("statusSummary", "")),
    }
    answer = boto3.client("events").put_events(
        Entries=[{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(named)}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"The end of {named['kind']} {named['release']} was not published: {answer['Entries']}")


def _message(summary: str) -> str:
    """The commit's message; a connection has it inside a JSON object."""
    try:
        document = json.loads(summary)
    except json.JSONDecodeError:
        return summary
    return str(document.get("CommitMessage", "")) if isinstance(document, dict) else summary


def _line(text: str) -> str:
    """The first line, without the characters that would end a string of EventBridge's input template."""
    first = next(iter(text.splitlines()), "")
    return "".join(each if each.isprintable() and each not in '"\\' else " " for each in first)[:_LONGEST].strip()
