"""The housekeeping handler: it always sends a response, and empties only buckets and vaults with the tag."""

import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "payment-audit-dev"
VAULT = "payment-dr-dev"


class FakeS3:
    """A bucket with two pages of versions."""

    def __init__(self, *, tagged: bool, errors: list[dict[str, str]] | None = None) -> None:
        self.tagged, self.errors, self.deleted = tagged, errors, list[str]()
        self.statements: list[dict[str, Any]] = [{"Sid": "TlsOnly", "Effect": "Deny"}]

    def get_bucket_policy(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == BUCKET
        return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": self.statements})}

    def put_bucket_policy(self, *, Bucket: str, Policy: str) -> None:  # noqa: N803
        assert Bucket == BUCKET
        self.statements = json.loads(Policy)["Statement"]

    def sealed(self) -> bool:
        return "Sealed" in [statement["Sid"] for statement in self.statements]

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
        assert self.sealed(), "an object that is written after the emptying would block the deletion of the bucket"
        self.deleted += [one["Key"] for one in Delete["Objects"]]
        return {"Errors": self.errors} if self.errors else {}


class FakeEc2:
    """A default security group with some of the rules that AWS creates in it."""

    def __init__(self, *rules: str, refusal: str = "InvalidPermission.NotFound") -> None:
        self.rules, self.refusal, self.revoked = rules, refusal, dict[str, Any]()

    def revoke_security_group_ingress(self, *, GroupId: str, IpPermissions: Any) -> None:  # noqa: N803
        self._revoke("ingress", GroupId, IpPermissions)

    def revoke_security_group_egress(self, *, GroupId: str, IpPermissions: Any) -> None:  # noqa: N803
        self._revoke("egress", GroupId, IpPermissions)

    def _revoke(self, direction: str, group_id: str, permissions: Any) -> None:
        assert group_id == "sg-1"
        if direction not in self.rules:
            raise ClientError({"Error": {"Code": self.refusal}}, "Revoke")
        (self.revoked[direction],) = permissions


class FakeBackup:
    """A vault whose recovery points disappear only after the next listing."""

    def __init__(self, *, tagged: bool, deletes: bool = True) -> None:
        self.tagged, self.deletes = tagged, deletes
        self.points = {"arn:1": "COMPLETED", "arn:2": "EXPIRED"}
        self.deleted = list[str]()

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803 - the API's own name
        assert ResourceArn == "arn:vault"
        return {"Tags": {"EmptyOnDestroy": "true"} if self.tagged else {}}

    def get_paginator(self, _operation: str) -> Any:
        def paginate(*, BackupVaultName: str) -> list[dict[str, Any]]:  # noqa: N803
            assert BackupVaultName == VAULT
            page = [{"RecoveryPointArn": arn, "Status": status} for arn, status in self.points.items()]
            if self.deletes:
                self.points = {arn: status for arn, status in self.points.items() if status != "DELETING"}
            return [{"RecoveryPoints": page[:1]}, {"RecoveryPoints": page[1:]}]

        return SimpleNamespace(paginate=paginate)

    def delete_recovery_point(self, *, BackupVaultName: str, RecoveryPointArn: str) -> None:  # noqa: N803
        assert BackupVaultName == VAULT
        self.points[RecoveryPointArn] = "DELETING"
        self.deleted.append(RecoveryPointArn)


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The responses to CloudFormation: status and reason."""
    received: list[tuple[str, str | None]] = []

    def send(_event: Any, _context: Any, status: str, _data: Any, _id: Any, reason: str | None = None) -> None:
        received.append((status, reason))

    module = SimpleNamespace(SUCCESS="SUCCESS", FAILED="FAILED", send=send)
    monkeypatch.setitem(sys.modules, "cfnresponse", module)
    monkeypatch.delitem(sys.modules, "payment_constructs.functions.housekeeping", raising=False)
    return received


def run(monkeypatch: pytest.MonkeyPatch, client: Any, request: str, **properties: str) -> None:
    # Imported here because it needs cfnresponse, which only Lambda provides.
    housekeeping_handler = importlib.import_module("payment_constructs.functions.housekeeping")
    clients = client if callable(client) else lambda _service, **_: client
    monkeypatch.setattr(housekeeping_handler.boto3, "client", clients)
    stack = "arn:aws:cloudformation:ap-southeast-1:222222222222:stack/Dev-Payment/1"
    remaining = iter(range(180_000, -1, -60_000))
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(remaining))
    monkeypatch.setattr(housekeeping_handler.time, "sleep", lambda _seconds: None)
    housekeeping_handler.handler({"RequestType": request, "StackId": stack, "ResourceProperties": properties}, context)


def test_delete_empties_a_bucket_of_versions_and_delete_markers(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    s3 = FakeS3(tagged=True)
    run(monkeypatch, s3, "Delete", BucketName=BUCKET, Region="us-west-2")
    assert s3.deleted == ["a", "b"]
    assert responses == [("SUCCESS", None)]


def test_a_bucket_without_the_tag_keeps_its_objects(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    s3 = FakeS3(tagged=False)
    run(monkeypatch, s3, "Delete", BucketName=BUCKET, Region="us-west-2")
    assert s3.deleted == []
    assert not s3.sealed()
    assert responses == [("SUCCESS", None)]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_create_and_update_do_not_empty_a_bucket(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]], request_type: str
) -> None:
    s3 = FakeS3(tagged=True)
    run(monkeypatch, s3, request_type, BucketName=BUCKET, Region="us-west-2")
    assert s3.deleted == []
    assert responses == [("SUCCESS", None)]


def test_an_emptied_bucket_refuses_new_objects_until_the_next_create(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    s3 = FakeS3(tagged=True)
    before = s3.statements
    for _ in range(2):
        run(monkeypatch, s3, "Delete", BucketName=BUCKET, Region="us-west-2")
    *others, seal = s3.statements
    assert others == before
    assert (seal["Effect"], seal["Principal"], seal["Resource"]) == ("Deny", "*", f"arn:aws:s3:::{BUCKET}/*")
    assert {"s3:PutObject", "s3:ReplicateObject"} < set(seal["Action"])
    run(monkeypatch, s3, "Create", BucketName=BUCKET, Region="us-west-2")
    assert s3.statements == before
    assert responses == [("SUCCESS", None)] * 3


def test_the_function_calls_the_region_of_the_bucket(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    regions = []

    def client(_service: str, *, region_name: str) -> FakeS3:
        regions.append(region_name)
        return FakeS3(tagged=True)

    run(monkeypatch, client, "Delete", BucketName=BUCKET, Region="us-west-2")
    assert (regions, responses) == (["us-west-2"], [("SUCCESS", None)])


def test_a_failed_object_deletion_fails_with_the_bucket_and_the_error(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    run(
        monkeypatch,
        FakeS3(tagged=True, errors=[{"Key": "a", "Code": "AccessDenied"}]),
        "Delete",
        BucketName=BUCKET,
        Region="us-west-2",
    )
    ((status, reason),) = responses
    assert status == "FAILED"
    assert reason is not None
    assert BUCKET in reason
    assert "AccessDenied" in reason


def clear(monkeypatch: pytest.MonkeyPatch, backup: FakeBackup, request: str) -> None:
    run(monkeypatch, backup, request, VaultName=VAULT, VaultArn="arn:vault", Region="us-west-2")


def test_delete_waits_until_every_recovery_point_is_deleted(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    backup = FakeBackup(tagged=True)
    clear(monkeypatch, backup, "Delete")
    assert (backup.deleted, backup.points) == (["arn:1", "arn:2"], {})
    assert responses == [("SUCCESS", None)]


@pytest.mark.parametrize(("request_type", "tagged"), [("Create", True), ("Update", True), ("Delete", False)])
def test_a_vault_that_remains_or_has_no_tag_keeps_its_recovery_points(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]], request_type: str, tagged: bool
) -> None:
    backup = FakeBackup(tagged=tagged)
    clear(monkeypatch, backup, request_type)
    assert backup.deleted == []
    assert responses == [("SUCCESS", None)]


def test_remaining_recovery_points_fail_before_the_function_times_out(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    clear(monkeypatch, FakeBackup(tagged=True, deletes=False), "Delete")
    ((status, reason),) = responses
    assert status == "FAILED"
    assert f"{VAULT}: 2 recovery points are not deleted yet" in str(reason)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_create_and_update_close_the_default_security_group(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]], request_type: str
) -> None:
    ec2 = FakeEc2("ingress", "egress")
    run(monkeypatch, ec2, request_type, GroupId="sg-1")
    assert ec2.revoked == {
        "ingress": {"UserIdGroupPairs": [{"UserId": "222222222222", "GroupId": "sg-1"}], "IpProtocol": "-1"},
        "egress": {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "IpProtocol": "-1"},
    }
    assert responses == [("SUCCESS", None)]


def test_a_missing_rule_is_no_error(monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]) -> None:
    ec2 = FakeEc2("egress")
    run(monkeypatch, ec2, "Update", GroupId="sg-1")
    assert list(ec2.revoked) == ["egress"]
    assert responses == [("SUCCESS", None)]


def test_a_rule_that_cannot_be_revoked_sends_a_failure(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    run(monkeypatch, FakeEc2(refusal="UnauthorizedOperation"), "Create", GroupId="sg-1")
    assert responses[0][0] == "FAILED"


def test_an_exception_sends_a_failure(monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]) -> None:
    run(monkeypatch, None, "Create", GroupId="sg-1")
    assert responses[0][0] == "FAILED"


class FakePeer:
    """EC2 of the peer account, and STS with the peering role."""

    def __init__(self) -> None:
        self.routes = {("rtb-1", "10.1.0.0/16"): "pcx-old"}
        self.role = ""
        self.dns: dict[str, Any] = {}

    def assume_role(self, *, RoleArn: str, RoleSessionName: str) -> dict[str, Any]:  # noqa: N803 - the API's own name
        assert RoleSessionName
        self.role = RoleArn
        return {"Credentials": {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}}

    def client(self, service: str, **arguments: str) -> Any:
        if service == "ec2":
            keys = {key: arguments[f"aws_{key}"] for key in ("access_key_id", "secret_access_key", "session_token")}
            assert (*keys.values(), arguments["region_name"]) == ("a", "b", "c", "ap-southeast-1")
        return self

    def delete_route(self, *, RouteTableId: str, DestinationCidrBlock: str) -> None:  # noqa: N803
        if self.routes.pop((RouteTableId, DestinationCidrBlock), None) is None:
            raise ClientError({"Error": {"Code": "InvalidRoute.NotFound"}}, "DeleteRoute")

    def create_route(self, *, RouteTableId: str, DestinationCidrBlock: str, VpcPeeringConnectionId: str) -> None:  # noqa: N803
        assert (RouteTableId, DestinationCidrBlock) not in self.routes
        self.routes[RouteTableId, DestinationCidrBlock] = VpcPeeringConnectionId

    def modify_vpc_peering_connection_options(self, **options: Any) -> None:
        self.dns = options


def return_routes(monkeypatch: pytest.MonkeyPatch, peer: FakePeer, request: str) -> None:
    run(
        monkeypatch,
        peer.client,
        request,
        WayBack="any",
        RoleArn="arn:role",
        Region="ap-southeast-1",
        RouteTableIds="rtb-1,rtb-2",
        Cidr="10.1.0.0/16",
        ConnectionId="pcx-1",
    )


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_create_and_update_add_return_routes_in_the_peering_role(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]], request_type: str
) -> None:
    peer = FakePeer()
    return_routes(monkeypatch, peer, request_type)
    assert responses == [("SUCCESS", None)]
    assert peer.role == "arn:role"
    assert peer.routes == {("rtb-1", "10.1.0.0/16"): "pcx-1", ("rtb-2", "10.1.0.0/16"): "pcx-1"}
    # DNS resolution is one-way too: the peer cannot resolve names of this VPC.
    assert peer.dns == {
        "VpcPeeringConnectionId": "pcx-1",
        "AccepterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True},
    }


def test_delete_removes_the_return_routes(
    monkeypatch: pytest.MonkeyPatch, responses: list[tuple[str, str | None]]
) -> None:
    peer = FakePeer()
    return_routes(monkeypatch, peer, "Create")
    for _ in range(2):
        return_routes(monkeypatch, peer, "Delete")
    assert peer.routes == {}
    assert responses == [("SUCCESS", None)] * 3
