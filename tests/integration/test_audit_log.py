"""The audit log bucket: its settings only, because a written object would remain for years."""

from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed


@pytest.fixture
def s3(client: Client) -> Any:
    return client("s3")


@pytest.fixture
def bucket(deployed: Deployed) -> str:
    return deployed.audit_bucket_name


def test_the_audit_bucket_is_versioned(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def test_the_audit_bucket_has_object_lock(s3: Any, bucket: str, retained: bool) -> None:
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    retention = lock["Rule"]["DefaultRetention"]
    assert retention["Mode"] == ("COMPLIANCE" if retained else "GOVERNANCE")
    assert retention["Days"] >= (365 if retained else 1), (
        "the object lock is too short: see payment_constructs/audit_log.py"
    )


def test_the_audit_bucket_is_encrypted_with_its_own_key(s3: Any, bucket: str, primary: dict[str, str]) -> None:
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": primary["audit_key"],
    }


def test_the_audit_bucket_blocks_public_access(s3: Any, bucket: str) -> None:
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )


def test_the_audit_bucket_replicates_to_the_dr_region(s3: Any, bucket: str, recovery: dict[str, str]) -> None:
    (rule,) = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    destination = rule["Destination"]
    assert destination["Bucket"] == f"arn:aws:s3:::{recovery['audit_bucket']}"
    assert destination["EncryptionConfiguration"]["ReplicaKmsKeyID"] == recovery["audit_key"]
