"""The figures of DORA, from the end of a production deployment and the executions before it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import delivery_metrics_handler as handler

ENDED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class World:
    """CodePipeline's history, newest first, and what was published."""

    def __init__(self) -> None:
        self.executions: list[dict[str, Any]] = []
        self.actions: dict[str, list[dict[str, Any]]] = {}
        self.published: dict[str, float] = {}
        self.namespace = ""

    def execution(self, name: str, status: str, *stages: str, hours_ago: float = 0, **variables: str) -> None:
        at = ENDED - timedelta(hours=hours_ago)
        self.executions.append({"pipelineExecutionId": name, "status": status, "lastUpdateTime": at})
        self.actions[name] = [
            {"stageName": stage, "startTime": at - timedelta(hours=1), "output": {"outputVariables": variables}}
            for stage in stages
        ]

    def client(self, _service: str) -> "World":
        return self

    def get_paginator(self, operation: str) -> "World":
        self.operation = operation
        return self

    def paginate(self, **wanted: Any) -> list[dict[str, Any]]:
        if self.operation == "list_pipeline_executions":
            return [{"pipelineExecutionSummaries": [each]} for each in self.executions]
        return [{"actionExecutionDetails": self.actions[wanted["filter"]["pipelineExecutionId"]]}]

    def put_metric_data(self, **data: Any) -> None:
        self.namespace = data["Namespace"]
        self.published = {each["MetricName"]: each["Value"] for each in data["MetricData"]}

    def ends(self, execution: str, state: str) -> dict[str, float]:
        detail = {"pipeline": "payment-delivery", "execution-id": execution, "stage": "Prod", "state": state}
        handler.handler({"time": "2026-11-24T12:00:00Z", "detail": detail}, None)
        assert self.namespace == "PaymentDelivery"
        return self.published


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(handler, "boto3", world)
    return world


def test_a_success_is_a_deployment_with_the_time_since_its_commit(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod", AuthorDate="2026-11-24T09:00:00Z")
    world.execution("before", "Succeeded", "Source", "Prod", hours_ago=20)
    assert world.ends("now", "SUCCEEDED") == {"Deployments": 1, "LeadTime": 3 * 3600}


def test_without_a_commit_time_the_pipelines_own_start_counts(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    assert world.ends("now", "SUCCEEDED")["LeadTime"] == 3600


def test_a_failure_counts_as_one(world: World) -> None:
    world.execution("now", "Failed", "Source", "Prod")
    assert world.ends("now", "FAILED") == {"FailedDeployments": 1}


def test_recovery_counts_from_the_first_failure_since_the_last_success(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    world.execution("second", "Failed", "Source", "Prod", hours_ago=2)
    world.execution("refused", "Failed", "Source", "ApproveProd", hours_ago=3)
    world.execution("first", "Failed", "Source", "Prod", hours_ago=5)
    world.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    world.execution("long-ago", "Failed", "Source", "Prod", hours_ago=10)
    assert world.ends("now", "SUCCEEDED")["RecoveryTime"] == 5 * 3600


def test_a_failure_that_never_reached_production_needs_no_recovery(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    world.execution("in-dev", "Failed", "Source", "Dev", hours_ago=2)
    assert "RecoveryTime" not in world.ends("now", "SUCCEEDED")
