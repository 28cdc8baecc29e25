"""The Lambda code behind Build: refuses a release whose images are not scanned, or have critical findings.

It reads images and allowed findings from the templates, which are what is deployed, and each scan in a role of the
image's registry. It runs as one file, with the modules that it imports of this project.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from payment_constructs.image_name import IMAGE
from pipeline.findings.scan import ALLOWED_FINDINGS, RefusedError, manifest, platforms, scan_faults
from pipeline.job import cloud_assembly, session_of

_LONGEST_MESSAGE, _LONGEST_SUMMARY = 4900, 2000


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Checks the images of a pipeline job and reports the result to CodePipeline."""
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        role = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])["role"]
        with cloud_assembly(job["data"]) as archive:
            templates = list(_templates(archive))
        allowed = [each for template in templates for each in template.get("Metadata", {}).get(ALLOWED_FINDINGS, [])]
        images = sorted({image for template in templates for image in task_images(template)})
        found = [fault for image in images for fault in _faults(*image, role=role, allowed=allowed)]
        if not images:
            found.append("No task of the release has an image to check.")
    except Exception as error:  # of any kind: fail closed
        images, found = [], [f"The images of the release could not be checked: {error!r}"]
    if found:
        message = "\n".join(found)[:_LONGEST_MESSAGE]
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": message})
        return
    by_name = ", ".join(sorted({each["id"] for each in allowed}))
    summary = f"no critical finding in {', '.join(sorted({image for image, _ in images}))}"
    summary += f", but those allowed by name: {by_name}" if by_name else ""
    pipeline.put_job_success_result(jobId=job["id"], executionDetails={"summary": summary[:_LONGEST_SUMMARY]})


def _templates(archive: zipfile.ZipFile) -> Iterator[Mapping[str, Any]]:
    for name in archive.namelist():
        if name.endswith(".template.json"):
            yield json.loads(archive.read(name))


def task_images(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every image of a task, with the architecture of the task."""
    for resource in template.get("Resources", {}).values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            properties = resource["Properties"]
            architecture = properties.get("RuntimePlatform", {}).get("CpuArchitecture", "X86_64")
            for container in properties["ContainerDefinitions"]:
                yield _literal(container["Image"]), architecture


def _literal(value: Any) -> str:
    """The name of an image; of one that is known only at deployment its expression, which no ECR image has."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::URLSuffix"}:
            return "amazonaws.com"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(map(_literal, parts))
    return json.dumps(value)


def _faults(image: str, architecture: str, *, role: str, allowed: list[Mapping[str, str]]) -> Iterator[str]:
    """A sentence for each reason to refuse an image."""
    named = IMAGE.fullmatch(image)
    if named is None:
        yield f"{image} is not an image in ECR with a digest, so it has no scan to read: push it there."
        return
    account, region, repository, digest = named.group("account", "region", "repository", "digest")
    try:
        client = boto3.client(
            "ecr", **session_of(f"arn:aws:iam::{account}:role/{role}", region=region, name="image-findings")
        )
        identity = {"registryId": account, "repositoryName": repository}
        scanned = platforms(manifest(client, identity, digest)).get(architecture, digest)
        yield from scan_faults(client, identity, scanned, allowed=allowed, today=datetime.now(tz=UTC).date())
    except RefusedError as error:
        yield str(error)
    except Exception as error:  # of any kind: fail closed
        yield (
            f"The scan of {image} could not be read: {error!r}. If the image exists, deploy bootstrap/permissions.json "
            f"of this commit in account {account} (README, Deploy to AWS, step 3), and retry."
        )
