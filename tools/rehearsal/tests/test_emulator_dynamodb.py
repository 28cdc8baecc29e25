"""DynamoDB: global tables replicate, and no update loses an item."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, RECOVERY, StackError, delete, deploy

KEY = {"sessionId": {"S": "1"}}
OUTPUTS = {"Name": {"Ref": "Table"}, "Arn": {"Fn::GetAtt": ["Table", "Arn"]}}
REGIONS = (PRIMARY, RECOVERY)
Dynamo = Callable[[str], Any]


@pytest.fixture
def dynamodb(emulator: Emulator) -> Dynamo:
    return lambda region: emulator.client("dynamodb", account=ACCOUNT, region=region)


def _replica(region: str, **properties: Any) -> dict[str, Any]:
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    key = {"SSESpecification": {"KMSMasterKeyId": f"arn:aws:kms:{region}:{ACCOUNT}:key/{region}"}}
    return {"Region": region, **recovery, **key, **properties}


def _sessions(*replicas: dict[str, Any], **properties: Any) -> dict[str, Any]:
    table = {
        "KeySchema": [{"AttributeName": "sessionId", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "sessionId", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
        "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
        "Replicas": list(replicas) or [_replica(region) for region in REGIONS],
    }
    return {"Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": table | properties}}


def test_an_item_written_in_one_region_is_read_in_the_other(emulator: Emulator, dynamodb: Dynamo) -> None:
    table = deploy(emulator, "Global", _sessions(), outputs=OUTPUTS)["Name"]
    dynamodb(PRIMARY).put_item(TableName=table, Item=KEY)
    assert dynamodb(RECOVERY).get_item(TableName=table, Key=KEY)["Item"] == KEY


@pytest.mark.parametrize("region", REGIONS)
def test_each_replica_has_expiry_recovery_and_a_key_of_its_own_region(
    emulator: Emulator, dynamodb: Dynamo, region: str
) -> None:
    name = f"settings-{region}"
    table = deploy(emulator, f"Settings-{region}", _sessions(TableName=name), outputs=OUTPUTS)["Name"]
    here = dynamodb(region)
    expiry = here.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    backups = here.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    encryption = here.describe_table(TableName=table)["Table"]["SSEDescription"]
    assert encryption["KMSMasterKeyArn"].endswith(f":key/{region}")


def _tagged() -> dict[str, Any]:
    tags = [{"Key": "Release", "Value": "2"}]
    return _sessions(*(_replica(region, Tags=tags) for region in REGIONS))


CHANGES: dict[str, dict[str, Any]] = {
    "nothing": _sessions(),
    "tags alone": _tagged(),
    "another expiry attribute": _sessions(TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True}),
    "no encryption of its own": _sessions(SSESpecification={"SSEEnabled": False}),
    "one replica less": _sessions(_replica(PRIMARY)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_update_loses_no_item(emulator: Emulator, dynamodb: Dynamo, change: str) -> None:
    stack = f"Update-{change.replace(' ', '-')}"
    before = deploy(emulator, stack, _sessions(), outputs=OUTPUTS)
    dynamodb(PRIMARY).put_item(TableName=before["Name"], Item=KEY)
    marker = {"Marker": {"Type": "AWS::SNS::Topic"}}  # so that "nothing" changes the stack, but not the table
    after = deploy(emulator, stack, CHANGES[change] | marker, outputs=OUTPUTS, tags={"release": "2"})
    assert after == before
    assert dynamodb(PRIMARY).get_item(TableName=after["Name"], Key=KEY)["Item"] == KEY


def test_deletion_protection_of_one_replica_keeps_all(emulator: Emulator, dynamodb: Dynamo) -> None:
    protected = _sessions(_replica(PRIMARY), _replica(RECOVERY, DeletionProtectionEnabled=True))
    table = deploy(emulator, "Protected", protected, outputs=OUTPUTS)["Name"]
    with pytest.raises(StackError, match=f"protected against deletion in {RECOVERY}"):
        delete(emulator, "Protected")
    assert all(table in dynamodb(region).list_tables()["TableNames"] for region in REGIONS)


def test_deleting_the_stack_deletes_every_replica(emulator: Emulator, dynamodb: Dynamo) -> None:
    table = deploy(emulator, "Gone", _sessions(), outputs=OUTPUTS)["Name"]
    delete(emulator, "Gone")
    assert not any(table in dynamodb(region).list_tables()["TableNames"] for region in REGIONS)


def test_an_ordinary_table_has_expiry_recovery_and_encryption(emulator: Emulator, dynamodb: Dynamo) -> None:
    resources = _sessions(PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    resources["Table"]["Type"] = "AWS::DynamoDB::Table"
    del resources["Table"]["Properties"]["Replicas"]
    table = deploy(emulator, "Ordinary", resources, outputs=OUTPUTS)["Name"]
    here = dynamodb(PRIMARY)
    assert here.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    backups = here.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert here.describe_table(TableName=table)["Table"]["SSEDescription"]["Status"] == "ENABLED"
