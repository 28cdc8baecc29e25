"""The code that turns the end of a production deployment into the four figures of DORA.

It runs in the function as one file, so it imports nothing of this project. Definitions: https://dora.dev/guides/
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import boto3

NAMESPACE = "PaymentDelivery"
DEPLOYMENTS, FAILED = "Deployments", "FailedDeployments"
LEAD_TIME, RECOVERY_TIME = "LeadTime", "RecoveryTime"
_COMMITTED = ("CommitterDate", "AuthorDate")


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Publishes what the end of the last stage says about the delivery."""
    detail = event["detail"]
    pipeline = boto3.client("codepipeline")
    ended = datetime.fromisoformat(event["time"])
    figures = {FAILED: 1.0} if detail["state"] == "FAILED" else dict(_of_a_success(pipeline, detail, ended))
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


def _of_a_success(pipeline: Any, detail: Mapping[str, Any], ended: datetime) -> Iterator[tuple[str, float]]:
    yield DEPLOYMENTS, 1.0
    begun = _begun(pipeline, detail["pipeline"], detail["execution-id"])
    if begun is not None:
        yield LEAD_TIME, (ended - begun).total_seconds()
    broken = _broken_since(pipeline, detail)
    if broken is not None:
        yield RECOVERY_TIME, (ended - broken).total_seconds()


def _begun(pipeline: Any, name: str, execution: str) -> datetime | None:
    """When the release was committed; where its source does not say so, when the pipeline took it."""
    actions = _actions(pipeline, name, execution)
    for action in actions:
        variables = action.get("output", {}).get("outputVariables", {})
        for key in _COMMITTED:
            if key in variables:
                return datetime.fromisoformat(variables[key])
    return min((action["startTime"] for action in actions), default=None)


def _broken_since(pipeline: Any, detail: Mapping[str, Any]) -> datetime | None:
    """When the first of the failures ended that lie between this success and the one before; None without one."""
    broken = None
    earlier = False
    pages = pipeline.get_paginator("list_pipeline_executions").paginate(pipelineName=detail["pipeline"])
    for execution in (each for page in pages for each in page["pipelineExecutionSummaries"]):
        if not earlier:
            earlier = execution["pipelineExecutionId"] == detail["execution-id"]
            continue
        if execution["status"] == "Succeeded":
            break
        if execution["status"] == "Failed" and any(
            action["stageName"] == detail["stage"]
            for action in _actions(pipeline, detail["pipeline"], execution["pipelineExecutionId"])
        ):
            broken = execution["lastUpdateTime"]
    return broken


def _actions(pipeline: Any, name: str, execution: str) -> list[Mapping[str, Any]]:
    pages = pipeline.get_paginator("list_action_executions").paginate(
        pipelineName=name, filter={"pipelineExecutionId": execution}
    )
    return [action for page in pages for action in page["actionExecutionDetails"]]
