"""`make release`: the checks of an image, and the one value of cdk.json that it writes."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from botocore.stub import ANY, Stubber

from pipeline import release

REGISTRY = "111122223333.dkr.ecr.ap-southeast-1.amazonaws.com"
OLD, NEW = (f"{REGISTRY}/payment-service@sha256:{digit * 64}" for digit in "12")
DIGEST = "sha256:" + "2" * 64
ARM = "sha256:" + "a" * 64
IDENTITY = {"registryId": "111122223333", "repositoryName": "payment-service"}
SETTINGS = """{
  "app": "python app.py",
    "context": {"delivery": {"account" : "111122223333",
      "image":   "%s", "environments": {} }}
}"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "cdk.json"
    file.write_text(SETTINGS % OLD)
    monkeypatch.setattr(release, "SETTINGS", file)
    return file


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = boto3.client("ecr", region_name="ap-southeast-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    stub = Stubber(client)
    monkeypatch.setattr(boto3, "client", lambda _service, **_region: client)
    stub.activate()
    return stub


def has_image(stub: Stubber, manifest: dict[str, Any]) -> None:
    asked = {**IDENTITY, "imageIds": [{"imageDigest": DIGEST}], "acceptedMediaTypes": ANY}
    stub.add_response("batch_get_image", {"images": [{"imageManifest": json.dumps(manifest)}], "failures": []}, asked)


def has_config(stub: Stubber, monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    has_image(stub, {"config": {"digest": "sha256:config"}})
    asked = {**IDENTITY, "layerDigest": "sha256:config"}
    stub.add_response("get_download_url_for_layer", {"downloadUrl": "https://layer"}, asked)
    config = io.BytesIO(json.dumps({"architecture": architecture}).encode())
    monkeypatch.setattr(release, "urlopen", lambda _url, **_timeout: config)


def was_scanned(stub: Stubber, digest: str = DIGEST, *, status: str = "COMPLETE", **counts: int) -> None:
    findings = [{"name": f"CVE-2026-{number}", "severity": "CRITICAL"} for number in range(counts.get("CRITICAL", 0))]
    found = {"imageScanCompletedAt": datetime(2026, 11, 27, tzinfo=UTC), "findings": findings}
    answer = {"imageScanStatus": {"status": status}, "imageScanFindings": found | {"findingSeverityCounts": counts}}
    asked = {**IDENTITY, "imageId": {"imageDigest": digest}}
    stub.add_response("describe_image_scan_findings", answer, asked)


def test_only_the_image_changes_in_cdk_json(
    settings: Path, registry: Stubber, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has_config(registry, monkeypatch, "arm64")
    was_scanned(registry, HIGH=3)
    assert release.main([NEW]) == 0
    assert settings.read_text() == SETTINGS % NEW
    printed = capsys.readouterr().out
    assert f"instead of {OLD}" in printed
    assert "git commit cdk.json --message 'Release payment-service@sha256:222222222222'" in printed
    assert "Not checked" not in printed


@pytest.mark.parametrize(
    "image", [f"{REGISTRY}/payment-service:v1", "nginx@sha256:" + "1" * 64, f"{REGISTRY}/payment-service@sha256:12"]
)
def test_an_image_without_a_digest_is_refused(settings: Path, capsys: pytest.CaptureFixture[str], image: str) -> None:
    assert release.main([image]) == 1
    assert "REPOSITORY@sha256:DIGEST" in capsys.readouterr().err
    assert settings.read_text() == SETTINGS % OLD


def test_an_image_for_another_architecture_is_refused(
    settings: Path, registry: Stubber, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has_config(registry, monkeypatch, "amd64")
    assert release.main([NEW]) == 1
    assert "the image is for X86_64, and delivery.architecture is ARM64" in capsys.readouterr().err
    assert settings.read_text() == SETTINGS % OLD


def test_of_an_image_for_several_architectures_the_delivered_one_counts(settings: Path, registry: Stubber) -> None:
    platforms = {"amd64": "sha256:" + "b" * 64, "arm64": ARM, "unknown": "sha256:" + "c" * 64}
    manifests = [{"digest": digest, "platform": {"architecture": name}} for name, digest in platforms.items()]
    has_image(registry, {"manifests": manifests})
    was_scanned(registry, ARM, status="ACTIVE")
    assert release.main([NEW]) == 0
    assert settings.read_text() == SETTINGS % NEW


@pytest.mark.parametrize(
    ("scan", "words"),
    [
        ({"status": "IN_PROGRESS"}, "is IN_PROGRESS (): wait until it has finished, and retry"),
        ({"CRITICAL": 2}, "has the critical finding CVE-2026-1 in no named package: release an image without it"),
    ],
)
@pytest.mark.usefixtures("settings")
def test_an_image_that_is_not_scanned_or_vulnerable_is_refused(
    registry: Stubber,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    scan: dict[str, Any],
    words: str,
) -> None:
    has_config(registry, monkeypatch, "arm64")
    was_scanned(registry, **scan)
    assert release.main([NEW]) == 1
    assert words in capsys.readouterr().err


def test_an_image_whose_critical_finding_the_delivery_allows_is_released(
    settings: Path, registry: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_config(registry, monkeypatch, "arm64")
    was_scanned(registry, CRITICAL=1)
    expires = str(datetime.now(tz=UTC).date() + timedelta(days=30))
    allowed = json.dumps([{"id": "CVE-2026-0", "reason": "is not reachable from outside", "expires": expires}])
    settings.write_text((SETTINGS % OLD).replace('"environments"', f'"allowed_findings": {allowed}, "environments"'))
    assert release.main([NEW]) == 0
    assert NEW in settings.read_text()


@pytest.mark.usefixtures("settings")
def test_an_image_that_does_not_exist_is_refused(registry: Stubber, capsys: pytest.CaptureFixture[str]) -> None:
    failure = {"imageId": {"imageDigest": DIGEST}, "failureCode": "ImageNotFound", "failureReason": "not found"}
    registry.add_response("batch_get_image", {"images": [], "failures": [failure]})
    assert release.main([NEW]) == 1
    assert f"payment-service has no image {DIGEST} (not found): push it first" in capsys.readouterr().err


@pytest.mark.usefixtures("settings")
def test_a_repository_that_does_not_exist_is_refused(registry: Stubber, capsys: pytest.CaptureFixture[str]) -> None:
    registry.add_client_error("batch_get_image", "RepositoryNotFoundException", "There is no such repository")
    assert release.main([NEW]) == 1
    assert "There is no such repository: push and scan the image first." in capsys.readouterr().err


def test_denied_checks_are_reported_and_the_image_is_written(
    settings: Path, registry: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add_client_error("batch_get_image", "AccessDeniedException")
    was_scanned(registry)
    assert release.main([NEW]) == 0
    assert "Not checked: whether the image exists, and its architecture: " in capsys.readouterr().out
    assert settings.read_text() == SETTINGS % NEW


def test_without_credentials_every_check_is_reported(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Anonymous:
        def __getattr__(self, name: str) -> Any:
            raise NoCredentialsError

    monkeypatch.setattr(boto3, "client", lambda _service, **_region: Anonymous())
    assert release.main([NEW]) == 0
    assert capsys.readouterr().out.count("Not checked: ") == 2
    assert settings.read_text() == SETTINGS % NEW


def test_an_image_that_is_released_already_changes_nothing(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "check", lambda _image, **_delivery: [])
    assert release.main([OLD]) == 0
    assert "has this image already" in capsys.readouterr().out
    assert settings.read_text() == SETTINGS % OLD


def test_an_image_that_cdk_json_has_twice_is_refused(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "check", lambda _image, **_delivery: [])
    twice = (SETTINGS % OLD).replace('"environments": {}', f'"environments": {{"Dev": {{"image": "{OLD}"}}}}')
    settings.write_text(twice)
    assert release.main([NEW]) == 1
    assert settings.read_text() == twice
