"""The figures of DORA, from the end of a production deployment and the executions before it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import metrics
from pipeline import metrics_handler as handler

ENDED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class World:
    """CodePipeline's history, newest first, and what was published."""

    def __init__(self) -> None:
        self.executions: list[dict[str, Any]] = []
        self.actions: dict[str, list[dict[str, Any]]] = {}
        self.published: dict[str, float] = {}
        self.namespace = ""

    def execution(
        self, name: str, status: str, *stages: str, hours_ago: float = 0, kind: str = "STANDARD", **variables: str
    ) -> None:
        at = ENDED - timedelta(hours=hours_ago)
        self.executions.append(
            {"pipelineExecutionId": name, "status": status, "lastUpdateTime": at, "executionType": kind}
        )
        self.actions[name] = [
            {
                "stageName": stage,
                "status": "Succeeded",
                "startTime": at - timedelta(hours=1),
                "lastUpdateTime": at,
                "output": {"outputVariables": variables},
            }
            for stage in stages
        ]

    def fails_first(self, name: str, stage: str, *, hours_ago: float) -> None:
        """An action of a stage that was retried."""
        at = ENDED - timedelta(hours=hours_ago)
        self.actions[name].append(
            {"stageName": stage, "status": "Failed", "startTime": at - timedelta(hours=1), "lastUpdateTime": at}
        )

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
        assert self.namespace == ("PaymentDelivery" if self.published else "")
        return self.published


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(handler, "boto3", world)
    return world


def test_a_success_publishes_a_deployment_and_its_lead_time(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod", AuthorDate="2026-11-24T09:00:00Z")
    world.execution("before", "Succeeded", "Source", "Prod", hours_ago=20)
    assert world.ends("now", "SUCCEEDED") == {"Deployments": 1, "LeadTime": 3 * 3600}


def test_lead_time_starts_with_the_execution_without_a_commit_time(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    assert world.ends("now", "SUCCEEDED")["LeadTime"] == 3600


def test_a_failure_publishes_a_failed_deployment(world: World) -> None:
    world.execution("now", "Failed", "Source", "Prod")
    assert world.ends("now", "FAILED") == {"FailedDeployments": 1}


def test_recovery_time_starts_at_the_first_failure_since_a_success(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    world.execution("second", "Failed", "Source", "Prod", hours_ago=2)
    world.execution("refused", "Failed", "Source", "ApproveProd", hours_ago=3)
    world.execution("first", "Failed", "Source", "Prod", hours_ago=5)
    world.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    world.execution("long-ago", "Failed", "Source", "Prod", hours_ago=10)
    assert world.ends("now", "SUCCEEDED")["RecoveryTime"] == 5 * 3600


def test_a_failure_before_prod_publishes_no_recovery_time(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    world.execution("in-dev", "Failed", "Source", "Dev", hours_ago=2)
    assert "RecoveryTime" not in world.ends("now", "SUCCEEDED")


def test_recovery_time_of_a_retry_starts_at_its_first_failure(world: World) -> None:
    world.execution("now", "InProgress", "Source", "Prod")
    world.fails_first("now", "Prod", hours_ago=2)
    world.fails_first("now", "Dev", hours_ago=4)
    assert world.ends("now", "SUCCEEDED")["RecoveryTime"] == 2 * 3600


def test_a_rollback_publishes_recovery_time_and_no_deployment(world: World) -> None:
    world.execution("back", "InProgress", "Prod", kind="ROLLBACK")
    world.execution("bad", "Failed", "Source", "Prod", hours_ago=1)
    world.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    assert world.ends("back", "SUCCEEDED") == {"RecoveryTime": 3600}


def test_a_rollback_of_another_stage_is_no_recovery(world: World) -> None:
    world.execution("now", "Succeeded", "Source", "Prod")
    world.execution("staging-back", "Succeeded", "Staging", hours_ago=2, kind="ROLLBACK")
    world.execution("bad", "Failed", "Source", "Prod", hours_ago=3)
    assert world.ends("now", "SUCCEEDED")["RecoveryTime"] == 3 * 3600


def test_an_execution_that_does_not_enter_prod_is_no_failed_deployment(world: World) -> None:
    world.execution("outside-the-window", "Failed", "Source", "Staging")
    assert world.ends("outside-the-window", "FAILED") == {}


def test_a_failed_rollback_is_no_failed_deployment(world: World) -> None:
    world.execution("back", "Failed", "Prod", kind="ROLLBACK")
    assert world.ends("back", "FAILED") == {}


@pytest.mark.parametrize("name", ["NAMESPACE", "DEPLOYMENTS", "FAILED", "LEAD_TIME", "RECOVERY_TIME"])
def test_dashboard_and_function_use_the_same_metric_names(name: str) -> None:
    assert getattr(metrics, name) == getattr(handler, name)
