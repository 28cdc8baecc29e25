"""AWS Backup: selections, settings, and the recovery points that backup jobs and copy jobs create in a vault.

A recovery point of a cluster is a snapshot of it, which RDS restores; one of a table is a record without data. As on
AWS, a job fails when its resource or vault does not exist. No job starts on schedule.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, ResourceType, api, given


def _create(_name: str, properties: Properties) -> tuple[str, Attributes]:
    plan = properties["BackupPlanId"]
    made = api("backup").create_backup_selection(BackupPlanId=plan, BackupSelection=properties["BackupSelection"])
    selection: str = made["SelectionId"]
    physical_id = f"{selection}_{plan}"
    return physical_id, {"BackupPlanId": plan, "SelectionId": selection, "Id": physical_id}


def _delete(physical_id: str, properties: Properties) -> None:
    selection = physical_id.partition("_")[0]
    api("backup").delete_backup_selection(BackupPlanId=properties["BackupPlanId"], SelectionId=selection)


RESOURCE_TYPES = {
    "AWS::Backup::BackupSelection": ResourceType(create=_create, delete=_delete, note="no backup job runs on schedule"),
}


def _delete_vault(vault: str, _properties: Properties) -> None:
    try:
        api("backup").delete_backup_vault(BackupVaultName=vault)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


COMPLETIONS = {"AWS::Backup::BackupVault": Completion(delete=_delete_vault)}

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Answer]]
_DESCRIBE: Mapping[str, Callable[[str, str], object]] = {  # by service: raises for a resource that does not exist
    "dynamodb": lambda region, name: api("dynamodb", region=region).describe_table(TableName=name),
    "rds": lambda region, name: api("rds", region=region).describe_db_clusters(DBClusterIdentifier=name),
}
_DAY = 24 * 3600.0
_SNAPSHOT = ":cluster-snapshot:"
_points: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}  # account, region, vault -> ARN -> point
_copies: dict[str, dict[str, Any]] = {}
_settings: dict[tuple[str, str], dict[str, dict[str, bool]]] = {}  # account, region -> what UpdateRegionSettings set


def service(*, otherwise: Handler) -> Handler:
    """Ministack's AWS Backup, with jobs that create recovery points."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        asked = [unquote(part) for part in path.strip("/").split("/")]
        if (method, asked) == ("PUT", ["copy-jobs"]):
            return await asyncio.to_thread(_copy, json.loads(body))
        if asked == ["account-settings"]:
            return _region_settings(json.loads(body) if method == "PUT" else {})
        if method == "DELETE" and _SNAPSHOT in asked[-1] and asked[-1] in _in(asked[1]):
            await asyncio.to_thread(_delete_snapshot, asked[-1])
        job = json.loads(body) if (method, asked) == ("PUT", ["backup-jobs"]) else None
        refusal = await asyncio.to_thread(_missing, job["ResourceArn"]) if job else None
        answer = refusal or _found(method, asked) or await otherwise(method, path, headers, body, query)
        if job and answer[0] == 200:  # noqa: PLR2004 - OK
            said = json.loads(answer[2])
            if ":cluster:" in job["ResourceArn"]:
                said["RecoveryPointArn"] = await asyncio.to_thread(_snapshot, job["ResourceArn"])
            _keep(get_region(), job["BackupVaultName"], said["RecoveryPointArn"], job)
            return _answer(said)
        return answer

    return handle_request


def _region_settings(changes: Mapping[str, Mapping[str, bool]]) -> Answer:
    """The settings of this region, with the changes; resource types that these do not mention keep theirs."""
    empty = {f"ResourceType{kind}Preference": dict[str, bool]() for kind in ("OptIn", "Management")}
    settings = _settings.setdefault((get_account_id(), get_region()), empty)
    for name, preferences in changes.items():
        settings[name] |= preferences
    return _answer(settings)


def _found(method: str, asked: list[str]) -> Answer | None:
    """The answer about jobs and recovery points recorded here; ministack answers that there are none."""
    match method, asked:
        case "GET", ["copy-jobs", job] if job in _copies:
            return _answer({"CopyJob": _copies[job]})
        case "GET", ["backup-vaults", vault, "recovery-points"] if points := _in(vault):
            return _answer({"RecoveryPoints": list(points.values())})
        case "GET", ["backup-vaults", vault, "recovery-points", *arn] if "/".join(arn) in _in(vault):
            return _answer(_in(vault)["/".join(arn)])
        case "DELETE", ["backup-vaults", vault, "recovery-points", *arn] if "/".join(arn) in _in(vault):
            del _in(vault)["/".join(arn)]
            return _answer({})
        case "DELETE", ["backup-vaults", vault] if _in(vault):
            return _refused("InvalidRequestException", f"Backup vault {vault} contains recovery points.")
    return None


def _in(vault: str, *, region: str | None = None) -> dict[str, dict[str, Any]]:
    return _points.setdefault((get_account_id(), region or get_region(), vault), {})


def _missing(arn: str) -> Answer | None:
    service_name, region, resource = (arn.split(":", 5)[index] for index in (2, 3, 5))
    try:
        _DESCRIBE[service_name](region, resource.replace(":", "/").rpartition("/")[2])
    except (ClientError, LookupError) as error:
        return _refused("ResourceNotFoundException", f"{arn} cannot be backed up: {error}")
    return None


def _copy(wanted: Mapping[str, Any]) -> Answer:
    """Copy a recovery point from a vault of this region into a vault of any region."""
    region, vault = (wanted["DestinationBackupVaultArn"].split(":")[index] for index in (3, 6))
    source = _in(wanted["SourceBackupVaultName"]).get(wanted["RecoveryPointArn"])
    try:
        api("backup", region=region).describe_backup_vault(BackupVaultName=vault)
    except ClientError as error:
        return _refused("ResourceNotFoundException", f"There is no vault {vault} in {region}: {error}")
    if source is None:
        return _refused("ResourceNotFoundException", f"There is no {wanted['RecoveryPointArn']} to copy.")
    arn = f"arn:aws:backup:{region}:{get_account_id()}:recovery-point:{secrets.token_hex(16)}"
    if _SNAPSHOT in wanted["RecoveryPointArn"]:
        arn = _snapshot_copy(wanted["RecoveryPointArn"], region=region)
    _keep(region, vault, arn, source | given(wanted, "Lifecycle", "IamRoleArn"))
    job = f"copy-{secrets.token_hex(8)}"
    _copies[job] = given(wanted, "DestinationBackupVaultArn", "IamRoleArn") | {
        "CopyJobId": job,
        "State": "COMPLETED",
        "CreationDate": time.time(),
        "CompletionDate": time.time(),
        "ResourceArn": source["ResourceArn"],
        "SourceRecoveryPointArn": wanted["RecoveryPointArn"],
        "DestinationRecoveryPointArn": arn,
    }
    return _answer({"CopyJobId": job, "CreationDate": time.time()})


def _snapshot(cluster: str) -> str:
    name = f"awsbackup:job-{secrets.token_hex(16)}"
    made = api("rds").create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name)
    return str(made["DBClusterSnapshot"]["DBClusterSnapshotArn"])


def _snapshot_copy(snapshot: str, *, region: str) -> str:
    name = f"awsbackup:copyjob-{secrets.token_hex(16)}"
    made = api("rds", region=region).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=snapshot, TargetDBClusterSnapshotIdentifier=name
    )
    return str(made["DBClusterSnapshot"]["DBClusterSnapshotArn"])


def _delete_snapshot(arn: str) -> None:
    api("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=arn.partition(_SNAPSHOT)[2])


def _keep(region: str, vault: str, arn: str, made: Mapping[str, Any]) -> None:
    now, lifecycle = time.time(), made.get("Lifecycle", {})
    point = given(made, "ResourceArn", "IamRoleArn", "Lifecycle") | {
        "RecoveryPointArn": arn,
        "BackupVaultName": vault,
        "BackupVaultArn": f"arn:aws:backup:{region}:{get_account_id()}:backup-vault:{vault}",
        "Status": "COMPLETED",
        "CreationDate": now,
        "CompletionDate": now,
    }
    if days := lifecycle.get("DeleteAfterDays"):
        point["CalculatedLifecycle"] = {"DeleteAt": now + days * _DAY}
    _in(vault, region=region)[arn] = point


def _answer(content: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _refused(code: str, message: str) -> Answer:
    content = {"__type": code, "Code": code, "Message": message}
    return 400, {"Content-Type": "application/json", "x-amzn-errortype": code}, json.dumps(content).encode()
