"""The scan of an image in ECR: what keeps the image from being delivered.

`make release` uses this module, and a Lambda function contains it as a part of its one file, so it imports nothing of
this project.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

ALLOWED_FINDINGS = "AllowedFindings"
"""The metadata of a template that has the allowed findings."""
LONGEST_ALLOWED = timedelta(days=90)
ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}
"""The names in `delivery.architecture` for those in images."""

_SETTING = "delivery.allowed_findings in cdk.json"
_RUNBOOK = "docs/operations.md#image-with-critical-findings"
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_FINISHED = {"ACTIVE", "COMPLETE"}  # of an enhanced, and of a basic scan
_RUNNING = {"IN_PROGRESS", "PENDING", *_FINISHED}
_CRITICAL = "CRITICAL"


class RefusedError(Exception):
    """An image that must not be released; the message has the remedy."""


def manifest(client: Any, identity: Mapping[str, str], digest: str) -> dict[str, Any]:
    """The manifest of an image.

    Raises:
        RefusedError: If the registry does not have the image.
    """
    answer = client.batch_get_image(**identity, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=list(_MANIFESTS))
    if not answer["images"]:
        reasons = ", ".join(str(failure.get("failureReason")) for failure in answer["failures"])
        raise RefusedError(f"{identity['repositoryName']} has no image {digest} ({reasons}): push it first.")
    found: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
    return found


def platforms(found: Mapping[str, Any]) -> dict[str, str]:
    """The digests of an image for several architectures, which are what ECR scans; empty for an image for one.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    return {
        ARCHITECTURES[name]: str(each["digest"])
        for each in found.get("manifests", [])  # of attestations too, which are for no architecture
        if (name := each.get("platform", {}).get("architecture")) in ARCHITECTURES
    }


def scan_faults(
    client: Any, identity: Mapping[str, str], digest: str, *, allowed: Sequence[Mapping[str, str]], today: date
) -> Iterator[str]:
    """Yields a sentence if the scan has not finished, and one for each critical finding that is not allowed today."""
    image = f"{identity['repositoryName']}@{digest}"
    try:
        request = {**identity, "imageId": {"imageDigest": digest}}
        pages = list(client.get_paginator("describe_image_scan_findings").paginate(**request))
    except client.exceptions.ScanNotFoundException:
        yield f"{image} was never scanned: have its registry scan images, and scan this one. See {_RUNBOOK}"
        return
    status, found = pages[0]["imageScanStatus"], pages[0].get("imageScanFindings", {})
    # Inspector's findings may be missing for a while after the scan is reported as complete, all of them together:
    # https://github.com/aws/aws-sdk/issues/289
    has_result = any(found.get(part) for part in ("imageScanCompletedAt", "findingSeverityCounts"))
    if status["status"] not in _FINISHED or not has_result:
        remedy = "wait until it has finished, and retry" if status["status"] in _RUNNING else "scan the image again"
        state = f"{status['status']} ({status.get('description', '')}){'' if has_result else ' and has no result'}"
        yield f"The scan of {image} is {state}: {remedy}. See {_RUNBOOK}"
        return
    critical = [each for page in pages for each in _critical(page.get("imageScanFindings", {}))]
    packages: dict[str, set[str]] = {}
    for name, vulnerable in critical:
        packages.setdefault(name, set()).update(vulnerable)
    unlisted = found.get("findingSeverityCounts", {}).get(_CRITICAL, 0) - len(critical)
    if unlisted > 0:
        words = f"counts {unlisted} critical findings that it does not list"
        yield f"The scan of {image} {words}: scan the image again. See {_RUNBOOK}"
    for name, some in packages.items():
        expiries = [date.fromisoformat(each["expires"]) for each in allowed if each["id"] == name]
        latest = today + LONGEST_ALLOWED
        if not any(today < each <= latest for each in expiries):
            expired = [each for each in expiries if each <= today]
            once = f", which was allowed until {max(expired)}" if expired else ""
            yield (
                f"{image} has the critical finding {name} in {', '.join(sorted(some)) or 'no named package'}{once}: "
                f"release an image without it, or add it to {_SETTING}, with a reason and an expiry by {latest}. "
                f"See {_RUNBOOK}"
            )


def _critical(found: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The id of each critical finding of a basic or an enhanced scan, with the packages that have it."""
    for each in found.get("findings", []):
        if each.get("severity") == _CRITICAL:
            yield each["name"], [of["value"] for of in each.get("attributes", []) if of["key"] == "package_name"]
    for each in found.get("enhancedFindings", []):
        if each.get("severity") == _CRITICAL:
            details = each.get("packageVulnerabilityDetails", {})
            yield (
                details.get("vulnerabilityId") or each["title"],
                [package["name"] for package in details.get("vulnerablePackages", [])],
            )
