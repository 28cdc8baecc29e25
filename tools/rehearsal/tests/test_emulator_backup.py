"""AWS Backup: recovery points of backup jobs and copy jobs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.emulator import Emulator
from stacks import PRIMARY, RECOVERY, StackError, delete, deploy

ACCOUNT = "777777777777"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/backup"
TABLE = f"arn:aws:dynamodb:{PRIMARY}:{ACCOUNT}:table/backed-up"


def _vault(name: str) -> dict[str, Any]:
    return {"Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": name}}}


@pytest.fixture(scope="module")
def here(emulator: Emulator) -> Any:
    table = {
        "TableName": "backed-up",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    resources = _vault("here") | {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
    deploy(emulator, "BackedUp", resources, account=ACCOUNT)
    deploy(emulator, "Copies", _vault("there"), account=ACCOUNT, region=RECOVERY)
    return emulator.client("backup", account=ACCOUNT, region=PRIMARY)


def _back_up(backup: Any, arn: str) -> str:
    job = backup.start_backup_job(BackupVaultName="here", ResourceArn=arn, IamRoleArn=ROLE)
    point: str = job["RecoveryPointArn"]
    return point


def test_a_backup_is_in_its_vault_and_its_copy_in_the_other_region(emulator: Emulator, here: Any) -> None:
    point = _back_up(here, TABLE)
    vault = f"arn:aws:backup:{RECOVERY}:{ACCOUNT}:backup-vault:there"
    job = here.start_copy_job(
        RecoveryPointArn=point,
        SourceBackupVaultName="here",
        DestinationBackupVaultArn=vault,
        IamRoleArn=ROLE,
        Lifecycle={"DeleteAfterDays": 35},
    )
    copy = here.describe_copy_job(CopyJobId=job["CopyJobId"])["CopyJob"]
    there = emulator.client("backup", account=ACCOUNT, region=RECOVERY)
    (found,) = there.list_recovery_points_by_backup_vault(BackupVaultName="there")["RecoveryPoints"]
    assert (found["ResourceArn"], found["RecoveryPointArn"]) == (TABLE, copy["DestinationRecoveryPointArn"])
    lifetime = found["CalculatedLifecycle"]["DeleteAt"] - found["CreationDate"]
    assert lifetime.days == 35
    described = there.describe_recovery_point(BackupVaultName="there", RecoveryPointArn=found["RecoveryPointArn"])
    assert described["Status"] == "COMPLETED"


def test_a_backup_job_of_a_missing_resource_fails(here: Any) -> None:
    with pytest.raises(ClientError, match="cannot be backed up"):
        _back_up(here, f"{TABLE}-no-more")


def test_a_copy_job_into_a_missing_vault_fails(here: Any) -> None:
    point = _back_up(here, TABLE)
    vault = f"arn:aws:backup:{RECOVERY}:{ACCOUNT}:backup-vault:nowhere"
    with pytest.raises(ClientError, match="no vault nowhere"):
        here.start_copy_job(
            RecoveryPointArn=point, SourceBackupVaultName="here", DestinationBackupVaultArn=vault, IamRoleArn=ROLE
        )


def test_a_vault_with_recovery_points_blocks_the_deletion_of_its_stack(emulator: Emulator) -> None:
    table = {
        "TableName": "last",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    resources = _vault("full") | {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}}
    deploy(emulator, "Full", resources, account=ACCOUNT, region=RECOVERY)
    backup = emulator.client("backup", account=ACCOUNT, region=RECOVERY)
    arn = f"arn:aws:dynamodb:{RECOVERY}:{ACCOUNT}:table/last"
    point = backup.start_backup_job(BackupVaultName="full", ResourceArn=arn, IamRoleArn=ROLE)["RecoveryPointArn"]
    with pytest.raises(StackError, match="contains recovery points"):
        delete(emulator, "Full", account=ACCOUNT, region=RECOVERY)
    backup.delete_recovery_point(BackupVaultName="full", RecoveryPointArn=point)
    delete(emulator, "Full", account=ACCOUNT, region=RECOVERY)
