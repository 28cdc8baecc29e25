"""The Lambda code that publishes the four DORA metrics at the end of a production deployment, and unfinished releases.

It runs as one file, so it imports nothing of this project. Definitions: https://dora.dev/guides/
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import boto3

NAMESPACE = "PaymentDelivery"
DEPLOYMENTS, FAILED = "Deployments", "FailedDeployments"
LEAD_TIME, RECOVERY_TIME = "LeadTime", "RecoveryTime"
UNFINISHED_RELEASES = "UnfinishedReleases"
_ENDED = {"Succeeded", "Failed", "Cancelled", "Stopped", "Superseded"}
_UPDATE = "UpdatePipeline"  # the stage in which CDK Pipelines updates the pipeline
_COMMIT_DATES = ("CommitterDate", "AuthorDate")


class Execution(NamedTuple):
    """An execution of the pipeline."""

    status: str
    ended: datetime
    is_rollback: bool  # to an earlier release: not a deployment of a change
    actions: list[Mapping[str, Any]]
    in_production: list[Mapping[str, Any]]  # the actions of the last stage


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Publishes the metrics of a finished last stage or an unfinished execution; none if it deployed nothing."""
    detail = event["detail"]
    ended = datetime.fromisoformat(event["time"])
    found = _since_the_last_success(boto3.client("codepipeline"), detail)
    this = next(found)
    match detail["state"]:
        case "SUCCEEDED":
            figures = dict(_of_a_success(this, found, ended))
        case "FAILED":
            figures = dict(_of_a_failure(this))
        case state:
            figures = {**dict(_of_a_failure(this)), **dict(_of_an_unfinished(this, state))}
    if not figures:
        return
    boto3.client("cloudwatch").put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Pipeline", "Value": detail["pipeline"]}],
                "Timestamp": ended,
                "Value": value,
                "Unit": "Seconds" if name in {LEAD_TIME, RECOVERY_TIME} else "Count",
            }
            for name, value in figures.items()
        ],
    )


def _of_a_failure(this: Execution) -> Iterator[tuple[str, float]]:
    # A stage that was not entered, such as outside its window, fails without an action.
    if this.in_production and not this.is_rollback:
        yield FAILED, 1.0


def _of_an_unfinished(this: Execution, state: str) -> Iterator[tuple[str, float]]:
    # The execution that updates the pipeline cancels itself, and the pipeline starts its release again.
    newest = max(this.actions, key=lambda action: action["startTime"], default=None)
    if newest is not None and (state, newest["stageName"]) != ("CANCELED", _UPDATE):
        yield UNFINISHED_RELEASES, 1.0


def _of_a_success(this: Execution, failed: Iterable[Execution], ended: datetime) -> Iterator[tuple[str, float]]:
    if not this.is_rollback:
        yield DEPLOYMENTS, 1.0
        yield LEAD_TIME, (ended - _committed(this)).total_seconds()
    # Failures before a retry are in this execution.
    failures = [action["lastUpdateTime"] for action in this.in_production if action["status"] == "Failed"]
    failures += [execution.ended for execution in failed]
    if failures:
        yield RECOVERY_TIME, (ended - min(failures)).total_seconds()


def _committed(this: Execution) -> datetime:
    """When the release was committed; if the source does not report it, when the execution started."""
    for action in this.actions:
        variables = action.get("output", {}).get("outputVariables", {})
        for key in _COMMIT_DATES:
            if key in variables:
                return datetime.fromisoformat(variables[key])
    started: datetime = min(action["startTime"] for action in this.actions)
    return started


def _since_the_last_success(pipeline: Any, detail: Mapping[str, Any]) -> Iterator[Execution]:
    """The finished execution, then earlier ones that did not succeed in production, back to the last success."""
    found = False
    pages = pipeline.get_paginator("list_pipeline_executions").paginate(pipelineName=detail["pipeline"])
    for summary in (each for page in pages for each in page["pipelineExecutionSummaries"]):
        if summary["pipelineExecutionId"] == detail["execution-id"]:
            found = True
            yield _execution(pipeline, detail, summary)
        elif found and summary["status"] in _ENDED:
            execution = _execution(pipeline, detail, summary)
            if execution.in_production and execution.status == "Succeeded":
                return
            if execution.in_production:
                yield execution


def _execution(pipeline: Any, detail: Mapping[str, Any], summary: Mapping[str, Any]) -> Execution:
    pages = pipeline.get_paginator("list_action_executions").paginate(
        pipelineName=detail["pipeline"], filter={"pipelineExecutionId": summary["pipelineExecutionId"]}
    )
    actions = [action for page in pages for action in page["actionExecutionDetails"]]
    return Execution(
        status=summary["status"],
        ended=summary["lastUpdateTime"],
        is_rollback=summary.get("executionType") == "ROLLBACK",
        actions=actions,
        in_production=[action for action in actions if action["stageName"] == detail["stage"]],
    )
