"""The database cluster and the secret of its user, by their settings; the tests do not connect to the database."""

from typing import Any

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed
from tests.integration.polling import becomes_true

MAINTENANCE_SECONDS = 120
"""A running snapshot or configuration change ends within this time."""

ROTATION_SECONDS = 300
"""The rotation that a deployment starts ends within this time, also where it fails once and is repeated."""


def described(client: Client, deployed: Deployed) -> dict[str, Any]:
    name = deployed.resource_name("database")
    (found,) = client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    return dict(found)


@pytest.fixture(scope="module")
def cluster(client: Client, deployed: Deployed) -> dict[str, Any]:
    return described(client, deployed)


def test_the_database_is_available(client: Client, deployed: Deployed) -> None:
    assert becomes_true(lambda: described(client, deployed)["Status"] == "available", seconds=MAINTENANCE_SECONDS), (
        f"it is still {described(client, deployed)['Status']} after {MAINTENANCE_SECONDS} s: see the RDS events"
    )


def test_the_database_has_one_writer_and_a_reader(cluster: dict[str, Any]) -> None:
    writers = [member["DBInstanceIdentifier"] for member in cluster["DBClusterMembers"] if member["IsClusterWriter"]]
    assert len(writers) == 1, f"writers: {writers}"
    assert len(cluster["DBClusterMembers"]) >= 2, "there is no reader to fail over to: see the RDS events"


def test_the_database_endpoint_matches_the_stack_output(cluster: dict[str, Any], deployed: Deployed) -> None:
    assert cluster["Endpoint"] == deployed.database_endpoint


def test_the_database_is_encrypted_with_its_own_key(cluster: dict[str, Any], primary: dict[str, str]) -> None:
    assert cluster["StorageEncrypted"], "the storage is not encrypted: see payment_constructs/database.py"
    assert cluster["KmsKeyId"] == primary["database_key"]


def test_the_database_has_deletion_protection_where_data_is_retained(cluster: dict[str, Any], retained: bool) -> None:
    assert cluster["DeletionProtection"] is retained


def faults_of_the_secret(client: Client, deployed: Deployed, primary: dict[str, str]) -> list[str]:
    """What a finished rotation and replication of the user's secret would not leave behind."""
    secret = client("secretsmanager").describe_secret(SecretId=primary["database_user"])
    labels = secret["VersionIdsToStages"].values()
    replicas = {replica["Region"]: replica for replica in secret.get("ReplicationStatus", [])}
    replica = replicas.get(deployed.dr_region, {})
    faults = {
        "it was never rotated": secret.get("RotationEnabled") and "LastRotatedDate" in secret,
        "a rotation is pending": all("AWSCURRENT" in each for each in labels if "AWSPENDING" in each),
        f"its replica is {replica.get('Status', 'missing')}: {replica.get('StatusMessage', '')}": (
            replica.get("Status") == "InSync"
        ),
        "it has no key of its own": secret.get("KmsKeyId") not in {None, primary["database_key"]},
    }
    return [fault for fault, absent in faults.items() if not absent]


def test_the_secret_of_the_database_user_was_rotated_and_replicated(
    client: Client, deployed: Deployed, primary: dict[str, str]
) -> None:
    assert becomes_true(lambda: not faults_of_the_secret(client, deployed, primary), seconds=ROTATION_SECONDS), (
        f"{faults_of_the_secret(client, deployed, primary)} after {ROTATION_SECONDS} s: see the log of the rotation "
        "function, and docs/operations.md, Rotation failed"
    )
