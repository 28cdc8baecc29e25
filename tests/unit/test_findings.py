"""The check of image scans behind Build: what it refuses, what it passes by name and date, and what it may do."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from cdk_rehearsal.emulator import Emulator
from pipeline import job
from pipeline.bootstrap import findings_role
from pipeline.findings import handler as check
from pipeline.findings.scan import ALLOWED_FINDINGS, LONGEST_ALLOWED, manifest, platforms, scan_faults
from pipeline.settings import Delivery
from tests.templates import Assembly, statement_actions

TODAY = date(2026, 11, 28)
REGISTRY, REGION, REPOSITORY = "777777777777", "ap-southeast-1", "payment-service"
DIGEST, OTHER = (f"sha256:{digit * 64}" for digit in "ab")
IMAGE = f"{REGISTRY}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}@{DIGEST}"
IDENTITY = {"registryId": REGISTRY, "repositoryName": REPOSITORY}
READER = f"arn:aws:iam::{REGISTRY}:role/payment-image-findings"
RUNBOOK = "docs/operations.md#image-with-critical-findings"
OPTIONS = {"region_name": REGION, "aws_access_key_id": "k", "aws_secret_access_key": "s"}


def basic(name: str, severity: str = "CRITICAL", package: str = "openssl") -> dict[str, Any]:
    """A finding of a basic scan."""
    attributes = [{"key": "package_version", "value": "1"}, {"key": "package_name", "value": package}]
    return {"name": name, "uri": f"https://cve.test/{name}", "severity": severity, "attributes": attributes}


def enhanced(name: str, severity: str = "CRITICAL") -> dict[str, Any]:
    """A finding of Inspector."""
    packages = [{"name": "netty", "version": "4"}, {"name": "jackson", "version": "2"}]
    details = {"vulnerabilityId": name, "vulnerablePackages": packages}
    return {"title": f"{name} - netty", "severity": severity, "packageVulnerabilityDetails": details}


def page(*findings: dict[str, Any], status: str = "COMPLETE", token: str = "", **parts: Any) -> dict[str, Any]:
    """An answer of DescribeImageScanFindings, with a result unless `parts` say otherwise."""
    found = {
        "imageScanCompletedAt": datetime(2026, 11, 27, tzinfo=UTC),
        "findings": [each for each in findings if "name" in each],
        "enhancedFindings": [each for each in findings if "title" in each],
        **parts,
    }
    result = {key: value for key, value in found.items() if value is not None}
    described = {"status": status, "description": "as ECR says"}
    return {"imageScanStatus": described, "imageScanFindings": result, **({"nextToken": token} if token else {})}


def allow(name: str, days: int) -> dict[str, str]:
    return {"id": name, "reason": "is not reachable from outside", "expires": str(TODAY + timedelta(days=days))}


def faults(*pages: dict[str, Any], allowed: tuple[dict[str, str], ...] = (), digest: str = DIGEST) -> list[str]:
    """The sentences about a scan, whose requests and answers are checked against botocore's model."""
    client = boto3.client("ecr", **OPTIONS)
    with Stubber(client) as stub:
        token: dict[str, str] = {}
        for each in pages:
            asked = {**IDENTITY, "imageId": {"imageDigest": digest}, **token}
            stub.add_response("describe_image_scan_findings", each, asked)
            token = {"nextToken": each.get("nextToken", "")}
        found = list(scan_faults(client, IDENTITY, digest, allowed=allowed, today=TODAY))
        stub.assert_no_pending_responses()
    return found


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_a_finished_scan_without_critical_findings_passes(status: str) -> None:
    assert faults(page(basic("CVE-2026-1", "HIGH"), enhanced("CVE-2026-2", "HIGH"), status=status)) == []


@pytest.mark.parametrize(("finding", "packages"), [(basic, "openssl"), (enhanced, "jackson, netty")])
def test_a_critical_finding_is_refused_with_image_package_and_remedy(
    finding: Callable[[str], dict[str, Any]], packages: str
) -> None:
    assert faults(page(finding("CVE-2026-1"))) == [
        f"payment-service@{DIGEST} has the critical finding CVE-2026-1 in {packages}: release an image without it, or "
        f"add it to delivery.allowed_findings in cdk.json, with a reason and an expiry by 2027-02-26. See {RUNBOOK}"
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("IN_PROGRESS", "wait until it has finished, and retry"),
        ("PENDING", "wait until it has finished, and retry"),
        ("FAILED", "scan the image again"),
        ("UNSUPPORTED_IMAGE", "scan the image again"),
        ("SCAN_ELIGIBILITY_EXPIRED", "scan the image again"),
        ("FINDINGS_UNAVAILABLE", "scan the image again"),
        ("LIMIT_EXCEEDED", "scan the image again"),
        ("IMAGE_ARCHIVED", "scan the image again"),
    ],
)
def test_a_scan_in_any_other_state_is_refused_with_the_remedy(status: str, words: str) -> None:
    assert faults(page(status=status)) == [
        f"The scan of payment-service@{DIGEST} is {status} (as ECR says): {words}. See {RUNBOOK}"
    ]


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_a_finished_scan_without_a_result_yet_is_refused(status: str) -> None:
    (fault,) = faults(page(status=status, imageScanCompletedAt=None))
    assert f"is {status} (as ECR says) and has no result: wait until it has finished, and retry" in fault


def test_an_image_that_was_never_scanned_is_refused() -> None:
    client = boto3.client("ecr", **OPTIONS)
    with Stubber(client) as stub:
        stub.add_client_error("describe_image_scan_findings", "ScanNotFoundException")
        (fault,) = scan_faults(client, IDENTITY, DIGEST, allowed=[], today=TODAY)
    assert fault.startswith(f"payment-service@{DIGEST} was never scanned: ")


def test_every_page_of_findings_counts() -> None:
    found = faults(page(basic("CVE-2026-1"), token="2"), page(enhanced("CVE-2026-2")))  # noqa: S106 - of a page
    assert [each.split(" finding ")[1].split()[0] for each in found] == ["CVE-2026-1", "CVE-2026-2"]


def test_a_finding_in_several_packages_is_one_sentence() -> None:
    (fault,) = faults(page(basic("CVE-2026-1"), basic("CVE-2026-1", package="libssl")))
    assert "finding CVE-2026-1 in libssl, openssl: " in fault


def test_critical_findings_that_are_counted_and_not_listed_are_refused() -> None:
    answer = page(basic("CVE-2026-1"), findingSeverityCounts={"CRITICAL": 3})
    found = faults(answer, allowed=(allow("CVE-2026-1", 30),))
    assert found == [
        f"The scan of payment-service@{DIGEST} counts 2 critical findings that it does not list: scan the image again. "
        f"See {RUNBOOK}"
    ]


@pytest.mark.parametrize("days", [1, 90])
def test_a_finding_is_allowed_by_its_name_until_the_day_of_its_expiry(days: int) -> None:
    found = page(basic("CVE-2026-1"), enhanced("CVE-2026-2"))
    assert [each.split(" in ")[0].split()[-1] for each in faults(found, allowed=(allow("CVE-2026-1", days),))] == [
        "CVE-2026-2"
    ]


def test_an_expired_allowance_is_refused_with_its_day() -> None:
    (fault,) = faults(page(basic("CVE-2026-1")), allowed=(allow("CVE-2026-1", -40), allow("CVE-2026-1", 0)))
    assert "CVE-2026-1 in openssl, which was allowed until 2026-11-28: release an image without it" in fault


def test_an_allowance_beyond_90_days_does_not_count() -> None:
    (fault,) = faults(page(basic("CVE-2026-1")), allowed=(allow("CVE-2026-1", LONGEST_ALLOWED.days + 1),))
    assert "CVE-2026-1 in openssl: release an image without it" in fault
    assert "an expiry by 2027-02-26" in fault


def task(*images: Any, architecture: str | None = "ARM64") -> dict[str, Any]:
    platform = {"RuntimePlatform": {"CpuArchitecture": architecture}} if architecture else {}
    properties = {"ContainerDefinitions": [{"Name": "one", "Image": image} for image in images], **platform}
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}


def release(*tasks: dict[str, Any], allowed: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    """A template with these tasks."""
    metadata = {"Metadata": {ALLOWED_FINDINGS: list(allowed)}} if allowed else {}
    return {"Resources": {f"Task{number}": each for number, each in enumerate(tasks)}, **metadata}


class Job:
    """The job of one release, with stubs of the services that the check asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, templates: dict[str, Any]) -> None:
        services = ("s3", "sts", "ecr", "codepipeline")
        self._clients = {name: boto3.client(name, **OPTIONS) for name in services}
        self.stubs = {name: Stubber(client) for name, client in self._clients.items()}
        self.opened: list[tuple[str, str]] = []
        for module in (check, job):
            monkeypatch.setattr(module, "boto3", SimpleNamespace(client=self._client))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as writing:
            for name, template in {**templates, "manifest.json": {}}.items():
                writing.writestr(name, json.dumps(template))
        body = StreamingBody(io.BytesIO(archive.getvalue()), len(archive.getvalue()))
        self.stubs["s3"].add_response("get_object", {"Body": body}, {"Bucket": "artifacts", "Key": "p/Synth_Outp/1"})

    def _client(self, name: str, **options: str) -> Any:
        if name == "ecr":
            self.opened.append((options["region_name"], options["aws_session_token"]))
        return self._clients[name]

    def assumes(self, role: str = READER) -> None:
        session = {"AccessKeyId": "A" * 16, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2030-01-01"}
        asked = {"RoleArn": role, "RoleSessionName": "image-findings"}
        self.stubs["sts"].add_response("assume_role", {"Credentials": session}, asked)

    def has(self, content: dict[str, Any], digest: str = DIGEST, **identity: str) -> None:
        answer = {"images": [{"imageManifest": json.dumps(content)}], "failures": []}
        asked = {**IDENTITY, **identity, "imageIds": [{"imageDigest": digest}], "acceptedMediaTypes": ANY}
        self.stubs["ecr"].add_response("batch_get_image", answer, asked)

    def scanned(self, answer: dict[str, Any], digest: str = DIGEST, **identity: str) -> None:
        asked = {**IDENTITY, **identity, "imageId": {"imageDigest": digest}}
        self.stubs["ecr"].add_response("describe_image_scan_findings", answer, asked)

    def answer(self) -> tuple[bool, str]:
        """Whether the release passes, with the message or the summary."""
        given: dict[str, Any] = {}
        client = self._clients["codepipeline"]
        for result in ("success", "failure"):
            setattr(client, f"put_job_{result}_result", lambda **answer: given.update(answer))
        location = {"s3Location": {"bucketName": "artifacts", "objectKey": "p/Synth_Outp/1"}}
        credentials = dict.fromkeys(("accessKeyId", "secretAccessKey", "sessionToken"), "of the job")
        data = {
            "inputArtifacts": [{"location": location}],
            "artifactCredentials": credentials,
            "actionConfiguration": {
                "configuration": {"UserParameters": json.dumps({"role": "payment-image-findings"})}
            },
        }
        for stub in self.stubs.values():
            stub.activate()
        check.handler({"CodePipeline.job": {"id": "1", "data": data}}, None)
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        assert given["jobId"] == "1"
        if "failureDetails" in given:
            return False, str(given["failureDetails"]["message"])
        return True, str(given["executionDetails"]["summary"])


def soon() -> str:
    return str(datetime.now(tz=UTC).date() + timedelta(days=30))


def test_one_image_in_every_environment_is_checked_once_in_the_role_of_its_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = ["", [f"{REGISTRY}.dkr.ecr.{REGION}.", {"Ref": "AWS::URLSuffix"}, f"/{REPOSITORY}@{DIGEST}"]]
    each = release(task({"Fn::Join": parts}))
    build = Job(monkeypatch, {f"assembly-{name}/Payment.template.json": each for name in ("Dev", "Staging", "Prod")})
    build.assumes()
    build.has({"config": {}})
    build.scanned(page())
    assert build.answer() == (True, f"no critical finding in {IMAGE}")
    assert build.opened == [(REGION, "t")]


def test_a_release_with_a_critical_finding_fails_build(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Job(monkeypatch, {"Payment.template.json": release(task(IMAGE))})
    build.assumes()
    build.has({"config": {}})
    build.scanned(page(enhanced("CVE-2026-1"), status="ACTIVE"))
    passes, message = build.answer()
    assert not passes
    assert f"payment-service@{DIGEST} has the critical finding CVE-2026-1" in message


def test_a_finding_that_the_template_allows_passes_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = {"id": "CVE-2026-1", "reason": "is not reachable from outside", "expires": soon()}
    build = Job(monkeypatch, {"Payment.template.json": release(task(IMAGE), allowed=(allowed,))})
    build.assumes()
    build.has({"config": {}})
    build.scanned(page(basic("CVE-2026-1")))
    assert build.answer() == (True, f"no critical finding in {IMAGE}, but those allowed by name: CVE-2026-1")


@pytest.mark.parametrize(("architecture", "scanned"), [("ARM64", DIGEST), ("X86_64", OTHER), (None, OTHER)])
def test_of_an_image_for_several_architectures_the_scan_of_the_delivered_one_counts(
    monkeypatch: pytest.MonkeyPatch, architecture: str | None, scanned: str
) -> None:
    index, digests = f"sha256:{'c' * 64}", {"arm64": DIGEST, "amd64": OTHER, "unknown": f"sha256:{'d' * 64}"}
    manifests = [{"digest": digest, "platform": {"architecture": name}} for name, digest in digests.items()]
    image = IMAGE.replace(DIGEST, index)
    build = Job(monkeypatch, {"Payment.template.json": release(task(image, architecture=architecture))})
    build.assumes()
    build.has({"manifests": manifests}, index)
    build.scanned(page(basic("CVE-2026-1")), scanned)
    assert f"payment-service@{scanned} has the critical finding" in build.answer()[1]


def test_each_of_several_images_is_checked_in_its_own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    second = f"888888888888.dkr.ecr.eu-west-1.amazonaws.com/sidecar@{OTHER}"
    of_second = {"registryId": "888888888888", "repositoryName": "sidecar"}
    build = Job(monkeypatch, {"Payment.template.json": release(task(IMAGE, second))})
    build.assumes()
    build.has({"config": {}})
    build.scanned(page())
    build.assumes("arn:aws:iam::888888888888:role/payment-image-findings")
    build.has({"config": {}}, OTHER, **of_second)
    build.scanned(page(basic("CVE-2026-9")), OTHER, **of_second)
    passes, message = build.answer()
    assert not passes
    assert message.startswith(f"sidecar@{OTHER} has the critical finding CVE-2026-9")
    assert [region for region, _ in build.opened] == [REGION, "eu-west-1"]


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/nginx/nginx@" + DIGEST,
        IMAGE.partition("@")[0] + ":latest",
        {"Fn::Sub": f"{REGISTRY}.dkr.ecr.{REGION}.${{AWS::URLSuffix}}/assets:hash"},
    ],
)
def test_an_image_without_a_scan_in_ecr_is_refused(monkeypatch: pytest.MonkeyPatch, image: Any) -> None:
    passes, message = Job(monkeypatch, {"Payment.template.json": release(task(image))}).answer()
    assert not passes
    assert "is not an image in ECR with a digest" in message


def test_an_image_that_its_registry_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Job(monkeypatch, {"Payment.template.json": release(task(IMAGE))})
    build.assumes()
    failure = {"imageId": {"imageDigest": DIGEST}, "failureCode": "ImageNotFound", "failureReason": "not found"}
    build.stubs["ecr"].add_response("batch_get_image", {"images": [], "failures": [failure]})
    assert build.answer() == (False, f"payment-service has no image {DIGEST} (not found): push it first.")


def test_a_registry_without_the_role_is_refused_with_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Job(monkeypatch, {"Payment.template.json": release(task(IMAGE))})
    build.stubs["sts"].add_client_error("assume_role", "AccessDenied", "not authorized")
    passes, message = build.answer()
    assert not passes
    assert f"deploy bootstrap/permissions.json of this commit in account {REGISTRY}" in message


def test_a_release_that_cannot_be_read_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Job(monkeypatch, {"Payment.template.json": {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition"}}}})
    passes, message = build.answer()
    assert not passes
    assert message == "The images of the release could not be checked: KeyError('Properties')"


def test_the_check_runs_right_behind_synth_in_a_role_that_reads_scans_only(
    assembly: Assembly, delivery: Delivery
) -> None:
    (actions,) = (stage["Actions"] for stage in assembly.pipeline_stages() if stage["Name"] == "Build")
    synth, finding = (next(each for each in actions if each["Name"] == name) for name in ("Synth", "Findings"))
    assert synth["RunOrder"] < finding["RunOrder"]
    assert finding["InputArtifacts"] == synth["OutputArtifacts"][:1]
    role = assembly.role("PipelineStack", "payment-delivery-image-findings")
    policies = assembly.resources("PipelineStack", "AWS::IAM::ManagedPolicy").values()
    (statements,) = (
        each["PolicyDocument"]["Statement"] for each in policies if "FindingsRole" in json.dumps(each.get("Roles"))
    )
    (assuming,) = (each for each in statements if "sts:AssumeRole" in statement_actions(each))
    given = json.loads(finding["Configuration"]["UserParameters"])
    assert assuming["Resource"] == f"arn:aws:iam::*:role/{given['role']}"
    others = {action for each in statements for action in statement_actions(each)} - {"sts:AssumeRole"}
    assert all(each.startswith(("logs:", "kms:", "sns:", "codepipeline:PutJob")) for each in others)
    reader = findings_role.resources(delivery)["ImageFindings"]["Properties"]
    assert reader["RoleName"] == given["role"]
    (trust,) = reader["AssumeRolePolicyDocument"]["Statement"]
    trusted = f"arn:aws:iam::{delivery.account}:role/{role['RoleName']}"
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": [trusted]}}


def test_the_check_reads_the_images_of_the_templates_as_the_settings_name_them(
    assembly: Assembly, delivery: Delivery
) -> None:
    for environment in delivery.environments:
        template = assembly.template(f"{environment.name}-Payment")
        assert set(check.task_images(template)) == {(environment.image, environment.architecture)}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator.start(log=tmp_path_factory.mktemp("ecr") / "emulator.log") as running:
        yield running


def test_a_rehearsal_refuses_a_planted_critical_finding(emulator: Emulator, delivery: Delivery) -> None:
    image = delivery.image
    client = emulator.client("ecr", account=image.account, region=image.region)
    identity = {"registryId": image.account, "repositoryName": image.repository}
    assert platforms(manifest(client, identity, image.digest)) == {}
    assert list(scan_faults(client, identity, image.digest, allowed=[], today=TODAY)) == []
    emulator.plant(image.digest, findings=[basic("CVE-2026-1"), basic("CVE-2026-2", "HIGH")])
    (fault,) = scan_faults(client, identity, image.digest, allowed=[], today=TODAY)
    assert f"{image.repository}@{image.digest} has the critical finding CVE-2026-1" in fault
    assert list(scan_faults(client, identity, OTHER, allowed=[], today=TODAY)) == []
