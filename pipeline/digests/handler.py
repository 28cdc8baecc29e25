"""The Lambda code behind Build: keeps the digests of the cloud assembly as variables of the pipeline's execution.

An artifact is an object that can be overwritten while a release waits for its approval; a variable cannot be.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

from pipeline.digests.content import release_digests


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Computes the digests and reports them to CodePipeline."""
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        with zipfile.ZipFile(io.BytesIO(_artifact(job["data"]))) as archive:
            digests = release_digests(archive.namelist(), archive.read)
    except Exception as error:  # of any kind: fail closed
        failure = {"type": "JobFailed", "message": f"The release has no digests: {error!r}"}
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails=failure)
        return
    summary = ", ".join(name for name, each in digests.items() if " " not in each)
    pipeline.put_job_success_result(
        jobId=job["id"], executionDetails={"summary": f"digests of {summary}"}, outputVariables=digests
    )


def _artifact(data: Mapping[str, Any]) -> bytes:
    """The cloud assembly, which the job has temporary credentials for."""
    (artifact,) = data["inputArtifacts"]
    where, credentials = artifact["location"]["s3Location"], data["artifactCredentials"]
    storage = boto3.client(
        "s3",
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    content: bytes = storage.get_object(Bucket=where["bucketName"], Key=where["objectKey"])["Body"].read()
    return content
