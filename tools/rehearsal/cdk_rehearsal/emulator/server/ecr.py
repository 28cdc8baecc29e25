"""ECR: the scans of images.

An image that nobody pushed counts as pushed and scanned, because no container runs; its scan found nothing, or what a
test has planted.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Answer]]

_MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
_planted: dict[str, list[dict[str, Any]]] = {}  # by digest


def planted() -> dict[str, list[dict[str, Any]]]:
    """What tests have planted, by the digest of the image."""
    return dict(_planted)


def plant(*, digest: str, findings: list[dict[str, Any]]) -> None:
    """Let the scan of an image find something."""
    _planted[digest] = findings


def service(*, otherwise: Handler) -> Handler:
    """Ministack's ECR, with a finished basic scan of every image."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "DescribeImageScanFindings":
            return _answer(_scan(json.loads(body)))
        answer = await otherwise(method, path, headers, body, query)
        if operation == "BatchGetImage" and not json.loads(answer[2]).get("images"):
            return _answer(_images(json.loads(body)))
        return answer

    return handle_request


def _scan(asked: Mapping[str, Any]) -> dict[str, Any]:
    findings, counts = _planted.get(asked["imageId"].get("imageDigest", ""), []), dict[str, int]()
    for each in findings:
        counts[each["severity"]] = counts.get(each["severity"], 0) + 1
    return {
        **_identity(asked),
        "imageId": asked["imageId"],
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {
            "imageScanCompletedAt": time.time(),
            "vulnerabilitySourceUpdatedAt": time.time(),
            "findingSeverityCounts": counts,
            "findings": findings,
        },
    }


def _images(asked: Mapping[str, Any]) -> dict[str, Any]:
    found = [{**_identity(asked), "imageId": each, "imageManifest": _MANIFEST} for each in asked["imageIds"]]
    return {"images": found, "failures": []}


def _identity(asked: Mapping[str, Any]) -> dict[str, str]:
    return {"registryId": asked.get("registryId", get_account_id()), "repositoryName": asked["repositoryName"]}


def _answer(content: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()
