"""The settings of the audit log. Nothing is written: it would stay for years."""

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


def test_a_record_that_is_written_over_is_kept(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def test_a_record_is_locked(s3: Any, bucket: str, retained: bool) -> None:
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    retention = lock["Rule"]["DefaultRetention"]
    assert retention["Mode"] == ("COMPLIANCE" if retained else "GOVERNANCE")
    assert retention["Days"] >= (365 if retained else 1), "locked for too short a time"


def test_records_are_encrypted_with_the_logs_own_key(s3: Any, bucket: str, primary: dict[str, str]) -> None:
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": primary["audit_key"],
    }


def test_nothing_of_it_can_be_public(s3: Any, bucket: str) -> None:
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )


def test_records_are_replicated_into_the_dr_region(s3: Any, bucket: str, recovery: dict[str, str]) -> None:
    (rule,) = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    destination = rule["Destination"]
    assert destination["Bucket"] == f"arn:aws:s3:::{recovery['audit_bucket']}"
    assert destination["EncryptionConfiguration"]["ReplicaKmsKeyID"] == recovery["audit_key"]
