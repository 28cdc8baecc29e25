"""The Lambda code that holds the pipeline's update of itself while a later stage works.

It runs as one file, with the modules that it imports of this project. It must not print the event, which has
credentials:
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3

from pipeline.digests.content import digest
from pipeline.job import cloud_assembly

_UNFINISHED = {"InProgress", "Stopping"}


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Succeeds when the update may run, or changes nothing; otherwise CodePipeline invokes the function again.

    It does so for 24 hours: https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
    """
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        data = job["data"]
        params = json.loads(data["actionConfiguration"]["configuration"]["UserParameters"])
        if _deployed(params["stack"]) == _new(data, params["template"]):
            result: dict[str, Any] = {"executionDetails": {"summary": "the pipeline does not change"}}
        elif busy := list(_busy(pipeline.get_pipeline_state(name=params["pipeline"])["stageStates"], params["stage"])):
            summary = f"waits for {', '.join(busy)}: an update would cancel the release there"
            result = {"continuationToken": job["id"], "executionDetails": {"summary": summary}}
        else:
            result = {"executionDetails": {"summary": "no later stage works"}}
    except Exception as error:  # of any kind: fail closed
        failure = {"type": "JobFailed", "message": f"Whether the update would cancel a release is unknown: {error}"}
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails=failure)
        return
    pipeline.put_job_success_result(jobId=job["id"], **result)


def _deployed(stack: str) -> str:
    found = boto3.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    return digest(json.loads(found) if isinstance(found, str) else found)


def _new(data: Mapping[str, Any], template: str) -> str:
    with cloud_assembly(data) as archive:
        return digest(json.loads(archive.read(template)))


def _busy(stages: Sequence[Mapping[str, Any]], update: str) -> Iterator[str]:
    """The stages after the update that work: with a running action or condition, or between two of them.

    A stage that only waits, for an approval or for its entry condition, may be cancelled: it would hold a hot fix for
    days.
    """
    names = [stage["stageName"] for stage in stages]
    for stage in stages[names.index(update) + 1 :]:
        running = [each["latestExecution"] for each in stage["actionStates"] if _runs(each)]
        approvals = [each for each in running if "token" in each]  # only an open approval has one
        bakes = any(_runs(stage.get(f"{kind}ConditionState", {})) for kind in ("onSuccess", "onFailure"))
        waits = approvals or _runs(stage.get("beforeEntryConditionState", {}))
        if len(running) > len(approvals) or bakes or (_runs(stage) and not waits):
            yield stage["stageName"]


def _runs(state: Mapping[str, Any]) -> bool:
    return state.get("latestExecution", {}).get("status") in _UNFINISHED
