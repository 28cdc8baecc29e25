"""The Lambda code behind Build: keeps the digests of the cloud assembly as variables of the pipeline's execution.

An artifact is an object that can be overwritten while a release waits for its approval; a variable cannot be.
"""

from collections.abc import Mapping
from typing import Any

import boto3

from pipeline.digests.content import release_digests
from pipeline.job import cloud_assembly


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Computes the digests and reports them to CodePipeline."""
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        with cloud_assembly(job["data"]) as archive:
            digests = release_digests(archive.namelist(), archive.read)
    except Exception as error:  # of any kind: fail closed
        failure = {"type": "JobFailed", "message": f"The release has no digests: {error!r}"}
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails=failure)
        return
    summary = ", ".join(name for name, each in digests.items() if " " not in each)
    pipeline.put_job_success_result(
        jobId=job["id"], executionDetails={"summary": f"digests of {summary}"}, outputVariables=digests
    )
