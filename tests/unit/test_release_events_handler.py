"""The handler that publishes the end of an execution with the name of its release."""

import json
from typing import Any

import pytest

from pipeline import notifications
from pipeline import release_events_handler as handler

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # pragma: allowlist secret


class FakeAws:
    """CodePipeline with one execution, and EventBridge with the published event."""

    def __init__(self, execution: dict[str, Any], *, failures: int = 0) -> None:
        self.execution, self.failures = execution, failures
        self.entry: dict[str, str] = {}

    def client(self, _service: str) -> "FakeAws":
        return self

    def get_pipeline_execution(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"pipelineName": "payment-delivery", "pipelineExecutionId": "e"}
        return {"pipelineExecution": self.execution}

    def put_events(self, **arguments: Any) -> dict[str, Any]:
        (self.entry,) = arguments["Entries"]
        return {"FailedEntryCount": self.failures, "Entries": [{"ErrorCode": "ThrottlingException"}]}


def end(monkeypatch: pytest.MonkeyPatch, execution: dict[str, Any], *, failures: int = 0) -> dict[str, str]:
    aws = FakeAws(execution, failures=failures)
    monkeypatch.setattr(handler, "boto3", aws)
    detail = {"pipeline": "payment-delivery", "execution-id": "e", "state": "CANCELED"}
    handler.handler({"detail": detail}, None)
    assert (aws.entry["Source"], aws.entry["DetailType"]) == (notifications.SOURCE, notifications.DETAIL_TYPE)
    named: dict[str, str] = json.loads(aws.entry["Detail"])
    return named


@pytest.mark.parametrize(
    "summary",
    ['Say "hello"\n\nand why', json.dumps({"ProviderType": "GitHub", "CommitMessage": 'Say "hello"\n\nand why'})],
    ids=["CodeCommit", "connection"],
)
def test_the_event_names_commit_subject_state_and_reason(monkeypatch: pytest.MonkeyPatch, summary: str) -> None:
    revision = {"revisionId": COMMIT, "revisionSummary": summary}
    execution = {"artifactRevisions": [revision], "statusSummary": "The definition was updated."}
    assert end(monkeypatch, execution) == {
        "pipeline": "payment-delivery",
        "execution": "e",
        "state": "CANCELED",
        "kind": "release",
        "release": COMMIT[:12],
        "title": "Say  hello",
        "reason": "The definition was updated.",
    }


def test_an_execution_without_a_revision_and_a_rollback_are_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert end(monkeypatch, {})["release"] == "unknown"
    assert end(monkeypatch, {"executionType": "ROLLBACK"})["kind"] == "rollback to release"


def test_an_event_that_is_not_accepted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="release unknown was not published"):
        end(monkeypatch, {}, failures=1)


@pytest.mark.parametrize("name", ["SOURCE", "DETAIL_TYPE"])
def test_rule_and_function_use_the_same_event(name: str) -> None:
    assert getattr(notifications, name) == getattr(handler, name)
