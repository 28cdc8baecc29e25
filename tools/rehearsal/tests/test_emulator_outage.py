"""Failing regions: refused requests, and replication that waits for their return."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from stacks import PRIMARY, RECOVERY, StackError, deploy

ACCOUNT = "666666666666"
TABLE, SOURCE, REPLICA = "apart", "apart-source", "apart-replica"
LOCKED = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "ObjectLockEnabled": True,
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 7}},
    },
}


@pytest.fixture(scope="module")
def deployed(emulator: Emulator) -> None:
    """A global table, and a bucket with Object Lock that replicates to one without a default retention."""
    rule = {
        "Status": "Enabled",
        "Priority": 0,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{REPLICA}"},
    }
    unlocked = {"VersioningConfiguration": {"Status": "Enabled"}, "ObjectLockEnabled": True}
    replica = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": REPLICA, **unlocked}}
    deploy(emulator, "There", {"Bucket": replica}, account=ACCOUNT, region=RECOVERY, outputs={"Name": "there"})
    replication = {"Role": f"arn:aws:iam::{ACCOUNT}:role/replication", "Rules": [rule]}
    properties = {"BucketName": SOURCE, **LOCKED, "ReplicationConfiguration": replication}
    table = {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "Replicas": [{"Region": PRIMARY}, {"Region": RECOVERY}],
    }
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties},
        "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": table},
    }
    deploy(emulator, "Here", resources, account=ACCOUNT, region=PRIMARY, outputs={"Name": "here"})


@pytest.fixture
def failing(emulator: Emulator, deployed: None) -> Iterator[Emulator]:  # noqa: ARG001 - it has to exist
    """The emulator, whose primary region is well again afterwards."""
    yield emulator
    emulator.fail(PRIMARY, state="well")


def client(emulator: Emulator, service: str, region: str) -> Any:
    return emulator.client(service, account=ACCOUNT, region=region)


def put(emulator: Emulator, region: str, key: str, value: str) -> None:
    client(emulator, "dynamodb", region).put_item(TableName=TABLE, Item={"id": {"S": key}, "value": {"S": value}})


def get(emulator: Emulator, region: str, key: str) -> str | None:
    item = client(emulator, "dynamodb", region).get_item(TableName=TABLE, Key={"id": {"S": key}}).get("Item")
    return item["value"]["S"] if item else None


@pytest.mark.parametrize("service", ["dynamodb", "s3", "sqs", "ssm", "ec2", "backup", "secretsmanager"])
def test_a_lost_region_refuses_requests_until_it_is_well(failing: Emulator, service: str) -> None:
    questions = {
        "dynamodb": "list_tables",
        "s3": "list_buckets",
        "sqs": "list_queues",
        "ssm": "describe_parameters",
        "ec2": "describe_vpcs",
        "backup": "list_backup_vaults",
        "secretsmanager": "list_secrets",  # pragma: allowlist secret
    }
    failing.fail(PRIMARY, state="lost")
    with pytest.raises(ClientError) as refused:
        getattr(client(failing, service, PRIMARY), questions[service])()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    getattr(client(failing, service, RECOVERY), questions[service])()
    failing.fail(PRIMARY, state="well")
    getattr(client(failing, service, PRIMARY), questions[service])()


def test_a_bucket_of_a_lost_region_is_not_reached_through_another(failing: Emulator) -> None:
    client(failing, "s3", PRIMARY).put_object(Bucket=SOURCE, Key="here", Body=b"paid")
    failing.fail(PRIMARY, state="lost")
    with pytest.raises(ClientError):
        client(failing, "s3", RECOVERY).get_object(Bucket=SOURCE, Key="here")
    assert client(failing, "s3", RECOVERY).get_object(Bucket=REPLICA, Key="here")["Body"].read() == b"paid"


def test_a_stack_that_needs_a_lost_region_fails(failing: Emulator) -> None:
    output = {"Fn::GetStackOutput": {"StackName": "Here", "OutputName": "Name", "Region": PRIMARY}}
    resources = {"Needs": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": output}}}
    failing.fail(PRIMARY, state="lost")
    with pytest.raises((StackError, ClientError), match=f"{PRIMARY} does not answer"):
        deploy(failing, "Needs", resources, account=ACCOUNT, region=RECOVERY)


def test_items_of_a_cut_off_region_arrive_later_and_the_last_write_wins(failing: Emulator) -> None:
    put(failing, PRIMARY, "both", "before")
    assert get(failing, RECOVERY, "both") == "before"
    failing.fail(PRIMARY, state="cut-off")
    put(failing, PRIMARY, "in flight", "primary")
    put(failing, PRIMARY, "both", "primary")
    assert get(failing, RECOVERY, "in flight") is None
    failing.fail(PRIMARY, state="lost")
    put(failing, RECOVERY, "both", "recovery")
    put(failing, RECOVERY, "later", "recovery")
    failing.fail(PRIMARY, state="well")
    for region in (PRIMARY, RECOVERY):
        assert [get(failing, region, key) for key in ("in flight", "both", "later")] == [
            "primary",
            "recovery",
            "recovery",
        ]


def test_objects_of_a_cut_off_region_arrive_later_with_their_lock(failing: Emulator) -> None:
    here, there = (client(failing, "s3", region) for region in (PRIMARY, RECOVERY))
    failing.fail(PRIMARY, state="cut-off")
    here.put_object(Bucket=SOURCE, Key="in flight", Body=b"paid")
    assert here.head_object(Bucket=SOURCE, Key="in flight")["ReplicationStatus"] == "PENDING"
    assert "Contents" not in there.list_objects_v2(Bucket=REPLICA, Prefix="in flight")
    failing.fail(PRIMARY, state="well")
    (version,) = there.list_object_versions(Bucket=REPLICA, Prefix="in flight")["Versions"]
    assert there.get_object(Bucket=REPLICA, Key="in flight")["Body"].read() == b"paid"
    with pytest.raises(ClientError, match="AccessDenied"):
        there.delete_object(Bucket=REPLICA, Key="in flight", VersionId=version["VersionId"])


def test_a_replica_has_the_retention_of_its_source(failing: Emulator) -> None:
    here, there = (client(failing, "s3", region) for region in (PRIMARY, RECOVERY))
    here.put_object(Bucket=SOURCE, Key="locked", Body=b"paid")
    source, replica = (
        one.get_object_retention(Bucket=bucket, Key="locked")["Retention"]
        for one, bucket in ((here, SOURCE), (there, REPLICA))
    )
    assert replica == source
    assert replica["Mode"] == "COMPLIANCE"


def test_a_delete_marker_of_a_cut_off_region_arrives_later(failing: Emulator) -> None:
    here, there = (client(failing, "s3", region) for region in (PRIMARY, RECOVERY))
    here.put_object(Bucket=SOURCE, Key="deleted", Body=b"paid")
    failing.fail(PRIMARY, state="cut-off")
    here.delete_object(Bucket=SOURCE, Key="deleted")
    assert there.head_object(Bucket=REPLICA, Key="deleted")["ContentLength"] == len(b"paid")
    failing.fail(PRIMARY, state="well")
    with pytest.raises(ClientError, match="404"):
        there.head_object(Bucket=REPLICA, Key="deleted")
