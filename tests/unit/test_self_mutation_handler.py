"""The handler of the hold before the pipeline's update of itself: when it waits, and what it compares."""

import io
import json
import zipfile
from typing import Any

import pytest

from pipeline import job
from pipeline import self_mutation_handler as handler

TEMPLATE = {"Resources": {"Pipeline": {"Name": "delivery"}}, "Description": "Ümläut"}
CHANGED = TEMPLATE | {"Description": "Another"}


class FakeAws:
    """CloudFormation, S3 with a cloud assembly, and CodePipeline with the state of its stages."""

    def __init__(self, *, new: dict[str, Any], stages: list[dict[str, Any]]) -> None:
        self.new, self.stages = new, stages
        self.succeeded: dict[str, Any] = {}
        self.failed: dict[str, Any] = {}
        self.credentials: dict[str, Any] = {}

    def client(self, service: str, **how: Any) -> "FakeAws":
        if service == "s3":
            self.credentials = how
        return self

    def get_template(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"StackName": "stack-id", "TemplateStage": "Original"}
        # As CloudFormation returns it: without characters beyond ASCII.
        return {"TemplateBody": TEMPLATE | {"Description": "?ml?ut"}}

    def get_object(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"Bucket": "artifacts", "Key": "assembly"}
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writing:
            writing.writestr("Pipeline.template.json", json.dumps(self.new))
        return {"Body": io.BytesIO(archive.getvalue())}

    def get_pipeline_state(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"name": "delivery"}
        return {"stageStates": [stage("Dev", "InProgress"), stage("UpdatePipeline", "InProgress"), *self.stages]}

    def put_job_success_result(self, **answer: Any) -> None:
        self.succeeded = answer

    def put_job_failure_result(self, **answer: Any) -> None:
        self.failed = answer


def stage(name: str, status: str | None = None, *actions: dict[str, Any], **conditions: str) -> dict[str, Any]:
    states = {f"{kind}ConditionState": {"latestExecution": {"status": state}} for kind, state in conditions.items()}
    latest = {"latestExecution": {"status": status}} if status else {}
    return {"stageName": name, "actionStates": list(actions), **latest, **states}


def action(status: str | None = None) -> dict[str, Any]:
    return {"actionName": "A", **({"latestExecution": {"status": status}} if status else {})}


def approval() -> dict[str, Any]:
    return {"actionName": "Approve", "latestExecution": {"status": "InProgress", "token": "of the approval"}}


def ask(monkeypatch: pytest.MonkeyPatch, *stages: dict[str, Any], new: dict[str, Any] = CHANGED) -> FakeAws:
    aws = FakeAws(new=new, stages=list(stages))
    for module in (handler, job):
        monkeypatch.setattr(module, "boto3", aws)
    parameters = {
        "pipeline": "delivery",
        "stage": "UpdatePipeline",
        "stack": "stack-id",
        "template": "Pipeline.template.json",
    }
    data = {
        "actionConfiguration": {"configuration": {"UserParameters": json.dumps(parameters)}},
        "inputArtifacts": [{"location": {"s3Location": {"bucketName": "artifacts", "objectKey": "assembly"}}}],
        "artifactCredentials": {
            "accessKeyId": "key",
            "secretAccessKey": "secret",  # pragma: allowlist secret
            "sessionToken": "token",
        },
    }
    handler.handler({"CodePipeline.job": {"id": "job", "data": data}}, None)
    return aws


@pytest.mark.parametrize(
    "busy",
    [
        stage("Prod", "InProgress", action("Succeeded"), action("InProgress")),
        stage("Prod", "InProgress", action("Succeeded"), action()),
        stage("Prod", "InProgress", action("Succeeded"), onSuccess="InProgress"),
        stage("Prod", "InProgress", action("InProgress"), beforeEntry="InProgress"),
        stage("Prod", "Succeeded", action("Succeeded"), onFailure="InProgress"),
        stage("Prod", "InProgress", approval(), action("InProgress")),
        stage("Prod", "Stopping", action("InProgress")),
    ],
    ids=["action", "between actions", "bake", "behind another", "rollback", "beside an approval", "stopping"],
)
def test_the_update_waits_while_a_later_stage_works(monkeypatch: pytest.MonkeyPatch, busy: dict[str, Any]) -> None:
    aws = ask(monkeypatch, stage("Staging", "Succeeded", action("Succeeded")), busy)
    assert aws.succeeded["continuationToken"]
    summary = aws.succeeded["executionDetails"]["summary"]
    assert summary == "waits for Prod: an update would cancel the release there"


@pytest.mark.parametrize(
    "idle",
    [
        stage("Prod"),
        stage("Prod", "Succeeded", action("Succeeded")),
        stage("Prod", "Failed", action("Failed"), onSuccess="Failed"),
        stage("ApproveProd", "InProgress", action("Succeeded"), approval()),
        stage("Prod", "InProgress", action("Succeeded"), beforeEntry="InProgress"),
    ],
    ids=["never entered", "done", "failed", "approval", "window"],
)
def test_the_update_does_not_wait_for_an_approval_or_a_window(
    monkeypatch: pytest.MonkeyPatch, idle: dict[str, Any]
) -> None:
    aws = ask(monkeypatch, idle)
    assert aws.succeeded == {"jobId": "job", "executionDetails": {"summary": "no later stage works"}}
    assert aws.credentials["aws_session_token"] == "token"  # noqa: S105


def test_an_unchanged_pipeline_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = ask(monkeypatch, stage("Prod", "InProgress", action("InProgress")), new=TEMPLATE)
    assert aws.succeeded == {"jobId": "job", "executionDetails": {"summary": "the pipeline does not change"}}


def test_an_unreadable_state_fails_the_update_without_a_word_of_its_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = ask(monkeypatch, {"stageName": "Prod"})
    assert aws.failed["failureDetails"]["message"].startswith("Whether the update would cancel a release is unknown: ")
    assert not aws.succeeded
    assert capsys.readouterr().out == ""
