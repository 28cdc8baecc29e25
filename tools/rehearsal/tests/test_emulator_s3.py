"""S3 buckets: Object Lock, replication, settings, and deletion."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, RECOVERY, StackError, delete, deploy

LOCKED = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "ObjectLockEnabled": True,
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}},
    },
}


def _bucket(name: str, **properties: Any) -> dict[str, Any]:
    return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **properties}}}


def _replicated_to(bucket: str) -> dict[str, Any]:
    rule = {
        "Id": "ToRecovery",
        "Priority": 0,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{bucket}"},
    }
    return {"Role": f"arn:aws:iam::{ACCOUNT}:role/replication", "Rules": [rule]}


@pytest.fixture
def s3(emulator: Emulator) -> Any:
    return emulator.client("s3", account=ACCOUNT, region=PRIMARY)


def test_a_locked_object_cannot_be_deleted(emulator: Emulator, s3: Any) -> None:
    deploy(emulator, "Locked", _bucket("locked", **LOCKED))
    version = s3.put_object(Bucket="locked", Key="entry", Body=b"paid")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked", Key="entry", VersionId=version)


def test_an_object_is_replicated_to_the_other_region(emulator: Emulator, s3: Any) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    deploy(emulator, "Destination", _bucket("destination", **versioned), region=RECOVERY)
    source = _bucket("source", **versioned, ReplicationConfiguration=_replicated_to("destination"))
    deploy(emulator, "Source", source)
    s3.put_object(Bucket="source", Key="entry", Body=b"paid")
    there = emulator.client("s3", account=ACCOUNT, region=RECOVERY)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and there.list_objects_v2(Bucket="destination")["KeyCount"] == 0:
        time.sleep(0.05)
    assert there.get_object(Bucket="destination", Key="entry")["Body"].read() == b"paid"


def test_a_bucket_with_objects_blocks_the_deletion_of_its_stack(emulator: Emulator, s3: Any) -> None:
    deploy(emulator, "Full", _bucket("full"))
    s3.put_object(Bucket="full", Key="entry", Body=b"paid")
    with pytest.raises(StackError, match="BucketNotEmpty"):
        delete(emulator, "Full")
    assert s3.get_object(Bucket="full", Key="entry")["Body"].read() == b"paid"
    s3.delete_object(Bucket="full", Key="entry")
    delete(emulator, "Full")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="full")


def test_an_object_can_be_encrypted_with_the_default_kms_key(emulator: Emulator, s3: Any) -> None:
    deploy(emulator, "DefaultKey", _bucket("default-key"))
    s3.put_object(Bucket="default-key", Key="entry", Body=b"paid", ServerSideEncryption="aws:kms")
    assert s3.head_object(Bucket="default-key", Key="entry")["SSEKMSKeyId"].endswith(":alias/aws/s3")


def test_encryption_lifecycle_logging_and_tags_are_set(emulator: Emulator, s3: Any) -> None:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    transition = {"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 90}
    resources = _bucket(
        "configured",
        BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
        LifecycleConfiguration={"Rules": [{"Id": "Tier", "Status": "Enabled", "Transitions": [transition]}]},
        LoggingConfiguration={"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "configured/"},
        Tags=[{"Key": "Environment", "Value": "Dev"}],
    )
    deploy(emulator, "Configured", resources | {"Logs": _bucket("configured-logs")["Bucket"]})
    rules = s3.get_bucket_encryption(Bucket="configured")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    tiers = s3.get_bucket_lifecycle_configuration(Bucket="configured")["Rules"][0]["Transitions"]
    assert tiers == [{"StorageClass": "INTELLIGENT_TIERING", "Days": 90}]
    assert s3.get_bucket_logging(Bucket="configured")["LoggingEnabled"]["TargetBucket"] == "configured-logs"
    assert s3.get_bucket_tagging(Bucket="configured")["TagSet"] == [{"Key": "Environment", "Value": "Dev"}]


def test_an_update_keeps_the_objects_and_removes_dropped_settings(emulator: Emulator, s3: Any) -> None:
    lifecycle = {"Rules": [{"Status": "Enabled", "ExpirationInDays": 400}]}
    deploy(emulator, "Kept", _bucket("kept", LifecycleConfiguration=lifecycle, **LOCKED))
    s3.put_object(Bucket="kept", Key="entry", Body=b"paid")
    deploy(emulator, "Kept", _bucket("kept", Tags=[{"Key": "Release", "Value": "2"}], **LOCKED))
    assert s3.get_object(Bucket="kept", Key="entry")["Body"].read() == b"paid"
    assert s3.get_object_lock_configuration(Bucket="kept")["ObjectLockConfiguration"]["Rule"]
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="kept")


def test_a_failed_creation_leaves_no_bucket_behind(emulator: Emulator, s3: Any) -> None:
    without_versions = _bucket("incomplete", ReplicationConfiguration=_replicated_to("nowhere"))
    with pytest.raises(StackError, match="ROLLBACK_COMPLETE"):
        deploy(emulator, "Incomplete", without_versions)
    assert "incomplete" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_a_property_without_an_api_is_recorded(emulator: Emulator) -> None:
    tiering = [{"Id": "Archive", "Status": "Enabled", "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}]
    deploy(emulator, "Tiered", _bucket("tiered", IntelligentTieringConfigurations=tiering))
    assert [each["Properties"] for each in emulator.recorded() if each["PhysicalId"] == "tiered"] == [
        {"IntelligentTieringConfigurations": tiering}
    ]
    delete(emulator, "Tiered")
    assert not [each for each in emulator.recorded() if each["PhysicalId"] == "tiered"]
