"""ECR: the scan of an image that nobody pushed, and what a test plants in it."""

from cdk_rehearsal.emulator import Emulator
from stacks import PRIMARY

ACCOUNT, REPOSITORY = "777777777777", "planted"
CLEAN, VULNERABLE = (f"sha256:{digit * 64}" for digit in "12")
FINDING = {"name": "CVE-2026-1", "severity": "CRITICAL", "uri": "https://cve.test/CVE-2026-1"}


def test_an_image_that_nobody_pushed_has_a_finished_scan_with_what_is_planted(emulator: Emulator) -> None:
    registry = emulator.client("ecr", account=ACCOUNT, region=PRIMARY)
    emulator.plant(VULNERABLE, findings=[FINDING])
    for digest, findings, counts in ((CLEAN, [], {}), (VULNERABLE, [FINDING], {"CRITICAL": 1})):
        identity = {"imageDigest": digest}
        answer = registry.describe_image_scan_findings(repositoryName=REPOSITORY, imageId=identity)
        assert answer["imageScanStatus"]["status"] == "COMPLETE"
        assert answer["imageScanFindings"]["findings"] == findings
        assert answer["imageScanFindings"]["findingSeverityCounts"] == counts
        assert answer["registryId"] == ACCOUNT
        (image,) = registry.batch_get_image(repositoryName=REPOSITORY, imageIds=[identity])["images"]
        assert "manifests" not in image["imageManifest"]


def test_an_image_that_was_pushed_is_returned_as_it_is(emulator: Emulator) -> None:
    registry = emulator.client("ecr", account=ACCOUNT, region=PRIMARY)
    registry.create_repository(repositoryName="pushed")
    pushed = registry.put_image(repositoryName="pushed", imageManifest='{"manifests": []}')["image"]
    (image,) = registry.batch_get_image(repositoryName="pushed", imageIds=[pushed["imageId"]])["images"]
    assert image["imageManifest"] == '{"manifests": []}'
