"""Aurora clusters on the emulator: described as RDS describes them, as far as a stack can tell."""

from typing import Any

from cdk_rehearsal.emulator import Emulator
from tests.rehearsal.stacks import PRIMARY, deploy

ACCOUNT = "600000000012"
KEY = f"arn:aws:kms:{PRIMARY}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
ENGINE = {"Engine": "aurora-postgresql"}


def resources(*instances: str) -> dict[str, Any]:
    cluster = ENGINE | {"DBClusterIdentifier": "members", "StorageEncrypted": True, "KmsKeyId": KEY}
    return {
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": cluster
            | {"MasterUsername": "master", "MasterUserPassword": "a password"},  # pragma: allowlist secret
        },
        **{
            name: {
                "Type": "AWS::RDS::DBInstance",
                "Properties": ENGINE
                | {"DBInstanceIdentifier": name.lower(), "DBClusterIdentifier": {"Ref": "Cluster"}}
                | {"DBInstanceClass": "db.r6g.large"},
            }
            for name in instances
        },
    }


def described(emulator: Emulator) -> dict[str, Any]:
    rds = emulator.client("rds", account=ACCOUNT, region=PRIMARY)
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="members")["DBClusters"]
    return dict(cluster)


def writers(cluster: dict[str, Any]) -> list[str]:
    return [member["DBInstanceIdentifier"] for member in cluster["DBClusterMembers"] if member["IsClusterWriter"]]


def test_one_member_of_a_cluster_writes_and_another_takes_over(emulator: Emulator) -> None:
    deploy(emulator, "Members", resources("One", "Two"), account=ACCOUNT)
    both = described(emulator)
    assert len(both["DBClusterMembers"]) == 2
    (writer,) = writers(both)
    left = "Two" if writer == "one" else "One"
    deploy(emulator, "Members", resources(left), account=ACCOUNT)
    assert writers(described(emulator)) == [left.lower()]


def test_a_cluster_says_which_key_it_is_encrypted_with(emulator: Emulator) -> None:
    deploy(emulator, "Members", resources("One"), account=ACCOUNT)
    assert described(emulator)["KmsKeyId"] == KEY
