"""Lambda actions: the function is really invoked, and answers the job as it does on AWS.

A function that ends without an answer leaves its job open until CodePipeline gives up; here that is a failure at once.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action

POLL_SECONDS = 5.0
"""Between an answer with a continuation token and the next invocation."""

MOST_SECONDS = 600.0
"""For a job that continues; on AWS a day. Nothing else runs in a rehearsal that it could wait for."""


def carry_out(action: Action, context: Context) -> Outcome:
    """Invoke the function, again while its answer has a continuation token, and read its answer to the job."""
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        job = _answer(action, context)
        summary = job["output"]["executionResult"]["externalExecutionSummary"]
        if job["status"] == "Succeeded":
            return Outcome(summary=summary, variables=job["output"]["outputVariables"])
        if job["status"] != "InProgress":
            raise DeliveryError(summary)
        if time.monotonic() > deadline:
            raise DeliveryError(f"{action} still continues its job after {MOST_SECONDS:.0f} s: {summary}")
        context.step.watch(summary)
        time.sleep(POLL_SECONDS)


def _answer(action: Action, context: Context) -> Mapping[str, Any]:
    """The job after one invocation; in progress only with a continuation token."""
    name, before, job_id = context.configuration["FunctionName"], _job(context), context.action_execution
    known = context.engine.client.get_job_details(jobId=job_id)["jobDetails"]["data"]
    data = _data(action, context) | known
    event = {"CodePipeline.job": {"id": job_id, "accountId": context.home.account, "data": data}}
    functions = context.as_role("lambda", region=action.region)
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    said = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise DeliveryError(f"The function {name} failed before it answered: {said}")
    job = _job(context)
    if job["status"] == "InProgress" and job["lastUpdateTime"] == before["lastUpdateTime"]:
        raise DeliveryError(f"The function {name} ended without answering its job.")
    return job


def _data(action: Action, context: Context) -> dict[str, Any]:
    """The job's data, with credentials for the pipeline's buckets."""
    inputs = []
    for artifact in action.inputs:
        context.artifacts.load(artifact, region=action.region)  # from another region, it is copied
        bucket, key = context.artifacts.stored(artifact, region=action.region)
        where = {"type": "S3", "s3Location": {"bucketName": bucket, "objectKey": key}}
        inputs.append({"name": artifact, "revision": None, "location": where})
    return {
        "actionConfiguration": {"configuration": dict(context.configuration)},
        "inputArtifacts": inputs,
        "outputArtifacts": [],
        "artifactCredentials": {
            "accessKeyId": context.key,
            "secretAccessKey": "of the emulator",  # pragma: allowlist secret
            "sessionToken": "of the emulator",
        },
    }


def _job(context: Context) -> dict[str, Any]:
    """The action as the service describes it."""
    listed = context.engine.client.list_action_executions(
        pipelineName=context.pipeline.name, filter={"pipelineExecutionId": context.execution}
    )
    for each in listed["actionExecutionDetails"]:
        if each["actionExecutionId"] == context.action_execution:
            detail: dict[str, Any] = each
            return detail
    raise DeliveryError(f"The service does not know action execution {context.action_execution}.")
