"""The DORA metrics that the handler publishes at the end of a production deployment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import metrics
from pipeline import metrics_handler as handler

ENDED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class FakeAws:
    """CodePipeline with an execution history, newest first, and CloudWatch with the published metrics."""

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

    def failed_attempt(self, name: str, stage: str, *, hours_ago: float) -> None:
        """Adds the failed first attempt of a retried stage."""
        at = ENDED - timedelta(hours=hours_ago)
        self.actions[name].append(
            {"stageName": stage, "status": "Failed", "startTime": at - timedelta(hours=1), "lastUpdateTime": at}
        )

    def client(self, _service: str) -> "FakeAws":
        return self

    def get_paginator(self, operation: str) -> "FakeAws":
        self.operation = operation
        return self

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        if self.operation == "list_pipeline_executions":
            return [{"pipelineExecutionSummaries": [each]} for each in self.executions]
        return [{"actionExecutionDetails": self.actions[arguments["filter"]["pipelineExecutionId"]]}]

    def put_metric_data(self, **data: Any) -> None:
        self.namespace = data["Namespace"]
        self.published = {each["MetricName"]: each["Value"] for each in data["MetricData"]}

    def end_stage(self, execution: str, state: str) -> dict[str, float]:
        detail = {"pipeline": "payment-delivery", "execution-id": execution, "stage": "Prod", "state": state}
        handler.handler({"time": "2026-11-24T12:00:00Z", "detail": detail}, None)
        assert self.namespace == ("PaymentDelivery" if self.published else "")
        return self.published


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    aws = FakeAws()
    monkeypatch.setattr(handler, "boto3", aws)
    return aws


def test_a_success_publishes_a_deployment_and_its_lead_time(aws: FakeAws) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod", AuthorDate="2026-11-24T09:00:00Z")
    aws.execution("before", "Succeeded", "Source", "Prod", hours_ago=20)
    assert aws.end_stage("now", "SUCCEEDED") == {"Deployments": 1, "LeadTime": 3 * 3600}


def test_lead_time_starts_with_the_execution_without_a_commit_time(aws: FakeAws) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod")
    assert aws.end_stage("now", "SUCCEEDED")["LeadTime"] == 3600


def test_a_failure_publishes_a_failed_deployment(aws: FakeAws) -> None:
    aws.execution("now", "Failed", "Source", "Prod")
    assert aws.end_stage("now", "FAILED") == {"FailedDeployments": 1}


def test_recovery_time_starts_at_the_first_failure_since_a_success(aws: FakeAws) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod")
    aws.execution("second", "Failed", "Source", "Prod", hours_ago=2)
    aws.execution("refused", "Failed", "Source", "ApproveProd", hours_ago=3)
    aws.execution("first", "Failed", "Source", "Prod", hours_ago=5)
    aws.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    aws.execution("long-ago", "Failed", "Source", "Prod", hours_ago=10)
    assert aws.end_stage("now", "SUCCEEDED")["RecoveryTime"] == 5 * 3600


def test_a_failure_before_prod_publishes_no_recovery_time(aws: FakeAws) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod")
    aws.execution("in-dev", "Failed", "Source", "Dev", hours_ago=2)
    assert "RecoveryTime" not in aws.end_stage("now", "SUCCEEDED")


def test_recovery_time_of_a_retry_starts_at_its_first_failure(aws: FakeAws) -> None:
    aws.execution("now", "InProgress", "Source", "Prod")
    aws.failed_attempt("now", "Prod", hours_ago=2)
    aws.failed_attempt("now", "Dev", hours_ago=4)
    assert aws.end_stage("now", "SUCCEEDED")["RecoveryTime"] == 2 * 3600


def test_a_rollback_publishes_recovery_time_and_no_deployment(aws: FakeAws) -> None:
    aws.execution("back", "InProgress", "Prod", kind="ROLLBACK")
    aws.execution("bad", "Failed", "Source", "Prod", hours_ago=1)
    aws.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    assert aws.end_stage("back", "SUCCEEDED") == {"RecoveryTime": 3600}


def test_a_rollback_of_another_stage_is_no_recovery(aws: FakeAws) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod")
    aws.execution("staging-back", "Succeeded", "Staging", hours_ago=2, kind="ROLLBACK")
    aws.execution("bad", "Failed", "Source", "Prod", hours_ago=3)
    assert aws.end_stage("now", "SUCCEEDED")["RecoveryTime"] == 3 * 3600


def test_an_execution_that_does_not_enter_prod_is_no_failed_deployment(aws: FakeAws) -> None:
    aws.execution("outside-the-window", "Failed", "Source", "Staging")
    assert aws.end_stage("outside-the-window", "FAILED") == {}


def test_a_failed_rollback_is_no_failed_deployment(aws: FakeAws) -> None:
    aws.execution("back", "Failed", "Prod", kind="ROLLBACK")
    assert aws.end_stage("back", "FAILED") == {}


@pytest.mark.parametrize("state", ["CANCELED", "STOPPED", "SUPERSEDED"])
def test_an_unfinished_release_is_counted_and_in_prod_is_a_failed_deployment(aws: FakeAws, state: str) -> None:
    aws.execution("in-prod", "Cancelled", "Source", "Prod")
    aws.execution("at-the-approval", "Cancelled", "Source", "ApproveProd")
    assert aws.end_stage("in-prod", state) == {"UnfinishedReleases": 1, "FailedDeployments": 1}
    assert aws.end_stage("at-the-approval", state) == {"UnfinishedReleases": 1}


def test_a_release_that_is_stopped_before_it_updates_the_pipeline_is_unfinished(aws: FakeAws) -> None:
    aws.execution("held", "Stopped", "UpdatePipeline")
    assert aws.end_stage("held", "STOPPED") == {"UnfinishedReleases": 1}


def test_the_execution_that_updates_the_pipeline_is_no_unfinished_release(aws: FakeAws) -> None:
    aws.execution("update", "Cancelled", "UpdatePipeline")
    assert aws.end_stage("update", "CANCELED") == {}


@pytest.mark.parametrize("status", ["Cancelled", "Stopped"])
def test_recovery_time_starts_at_a_cancelled_or_stopped_deployment(aws: FakeAws, status: str) -> None:
    aws.execution("now", "Succeeded", "Source", "Prod")
    aws.execution("bad", status, "Source", "Prod", hours_ago=2)
    aws.execution("fine", "Succeeded", "Source", "Prod", hours_ago=9)
    assert aws.end_stage("now", "SUCCEEDED")["RecoveryTime"] == 2 * 3600


@pytest.mark.parametrize(
    "name", ["NAMESPACE", "DEPLOYMENTS", "FAILED", "LEAD_TIME", "RECOVERY_TIME", "UNFINISHED_RELEASES"]
)
def test_dashboard_and_function_use_the_same_metric_names(name: str) -> None:
    assert getattr(metrics, name) == getattr(handler, name)
