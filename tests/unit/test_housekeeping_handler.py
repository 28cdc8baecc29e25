"""The function inside the templates: it answers whatever happens, and never empties a bucket that lost its tag."""

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest

BUCKET = "payment-audit-dev"


class FakeS3:
    """A bucket with two pages of versions."""

    def __init__(self, *, tagged: bool, errors: list[dict[str, str]] | None = None) -> None:
        self.tagged, self.errors, self.deleted = tagged, errors, list[str]()

    def get_bucket_tagging(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803 - the API's own name
        assert Bucket == BUCKET
        return {"TagSet": [{"Key": "EmptyOnDestroy", "Value": "true"}] if self.tagged else []}

    def get_paginator(self, _operation: str) -> Any:
        version, marker = {"Key": "a", "VersionId": "1"}, {"Key": "b", "VersionId": "2"}
        return SimpleNamespace(
            paginate=lambda **_: [{"Versions": [version]}, {"DeleteMarkers": [marker]}, {"Name": "nothing left"}]
        )

    def delete_objects(self, *, Bucket: str, Delete: Any, BypassGovernanceRetention: bool) -> Any:  # noqa: N803
        assert (Bucket, BypassGovernanceRetention) == (BUCKET, True)
        self.deleted += [one["Key"] for one in Delete["Objects"]]
        return {"Errors": self.errors} if self.errors else {}


class FakeEc2:
    """A default security group as AWS makes it."""

    def __init__(self, **rules: list[Any]) -> None:
        self.rules, self.revoked = rules, list[str]()

    def describe_security_groups(self, **_: Any) -> Any:
        return {"SecurityGroups": [{"IpPermissions": [], "IpPermissionsEgress": [], **self.rules}]}

    def revoke_security_group_ingress(self, **_: Any) -> None:
        self.revoked.append("ingress")

    def revoke_security_group_egress(self, **_: Any) -> None:
        self.revoked.append("egress")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """What CloudFormation hears: the status and the reason."""
    heard: list[tuple[str, str | None]] = []

    def send(_event: Any, _context: Any, status: str, _data: Any, _id: Any, reason: str | None = None) -> None:
        heard.append((status, reason))

    module = SimpleNamespace(SUCCESS="SUCCESS", FAILED="FAILED", send=send)
    monkeypatch.setitem(sys.modules, "cfnresponse", module)
    monkeypatch.delitem(sys.modules, "payment_constructs.housekeeping_handler", raising=False)
    return heard


def run(monkeypatch: pytest.MonkeyPatch, client: Any, request: str, **properties: str) -> None:
    # Imported here: it needs the module that only Lambda has.
    housekeeping_handler = importlib.import_module("payment_constructs.housekeeping_handler")
    monkeypatch.setattr(housekeeping_handler.boto3, "client", lambda _service: client)
    housekeeping_handler.handler({"RequestType": request, "ResourceProperties": properties}, None)


def test_a_deleted_bucket_is_emptied_of_versions_and_markers(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]]
) -> None:
    s3 = FakeS3(tagged=True)
    run(monkeypatch, s3, "Delete", BucketName=BUCKET)
    assert s3.deleted == ["a", "b"]
    assert answers == [("SUCCESS", None)]


def test_a_bucket_without_the_tag_keeps_its_objects(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]]
) -> None:
    s3 = FakeS3(tagged=False)
    run(monkeypatch, s3, "Delete", BucketName=BUCKET)
    assert s3.deleted == []
    assert answers == [("SUCCESS", None)]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_bucket_that_stays_keeps_its_objects(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]], request_type: str
) -> None:
    s3 = FakeS3(tagged=True)
    run(monkeypatch, s3, request_type, BucketName=BUCKET)
    assert s3.deleted == []
    assert answers == [("SUCCESS", None)]


def test_an_object_that_cannot_be_deleted_fails_the_stack_by_name(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]]
) -> None:
    run(monkeypatch, FakeS3(tagged=True, errors=[{"Key": "a", "Code": "AccessDenied"}]), "Delete", BucketName=BUCKET)
    ((status, reason),) = answers
    assert status == "FAILED"
    assert reason is not None
    assert BUCKET in reason
    assert "AccessDenied" in reason


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_the_default_security_group_is_closed(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]], request_type: str
) -> None:
    ec2 = FakeEc2(IpPermissions=[{}], IpPermissionsEgress=[{}])
    run(monkeypatch, ec2, request_type, GroupId="sg-1")
    assert ec2.revoked == ["ingress", "egress"]
    assert answers == [("SUCCESS", None)]


def test_a_closed_group_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]]) -> None:
    ec2 = FakeEc2()
    run(monkeypatch, ec2, "Update", GroupId="sg-1")
    assert ec2.revoked == []
    assert answers == [("SUCCESS", None)]


def test_an_error_is_answered_rather_than_waited_for(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[str, str | None]]
) -> None:
    run(monkeypatch, None, "Create", GroupId="sg-1")
    assert answers[0][0] == "FAILED"
