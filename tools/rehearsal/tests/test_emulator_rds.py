"""Aurora clusters: their writer, encryption key and managed master password."""

from typing import Any

from cdk_rehearsal.emulator import Emulator
from stacks import PRIMARY, delete, deploy

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


def test_a_cluster_has_one_writer_and_another_takes_over(emulator: Emulator) -> None:
    deploy(emulator, "Members", resources("One", "Two"), account=ACCOUNT)
    both = described(emulator)
    assert len(both["DBClusterMembers"]) == 2
    (writer,) = writers(both)
    left = "Two" if writer == "one" else "One"
    deploy(emulator, "Members", resources(left), account=ACCOUNT)
    assert writers(described(emulator)) == [left.lower()]


def test_a_cluster_reports_its_encryption_key(emulator: Emulator) -> None:
    deploy(emulator, "Members", resources("One"), account=ACCOUNT)
    assert described(emulator)["KmsKeyId"] == KEY


def test_a_managed_master_password_is_in_a_secret(emulator: Emulator) -> None:
    cluster = {"Engine": "aurora-postgresql", "MasterUsername": "admin", "ManageMasterUserPassword": True}
    resources = {"Cluster": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete", "Properties": cluster}}
    outputs = {"Secret": {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}}
    made = deploy(emulator, "Managed", resources, outputs=outputs, account=ACCOUNT)
    manager = emulator.client("secretsmanager", account=ACCOUNT, region=PRIMARY)
    assert '"username": "admin"' in manager.get_secret_value(SecretId=made["Secret"])["SecretString"]
    delete(emulator, "Managed", account=ACCOUNT)
    assert made["Secret"] not in {secret["ARN"] for secret in manager.list_secrets()["SecretList"]}
