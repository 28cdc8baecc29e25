"""Requests of RDS that ministack lacks or answers in part: data in snapshots, restores, new names, master passwords."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server import rds
from cdk_rehearsal.emulator.server.postgresql import Servers
from cdk_rehearsal.emulator.server.rds import Clusters, Record

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[Request], Answer]
Snapshot = Callable[[str, Record], Record]
SNAPSHOT = ":cluster-snapshot:"
DATA = "_copied"  # the key of a snapshot's record with its copy of the data


class Aurora:
    """The requests about clusters, with ministack's own actions and records."""

    def __init__(
        self, *, native: Mapping[str, Action], clusters: Clusters, instances: Any, snapshots: Any, servers: Servers
    ) -> None:
        self._native, self._servers = dict(native), servers
        self._clusters, self._instances, self._snapshots = clusters, instances, snapshots

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        return {
            "CopyDBClusterSnapshot": self._copy_snapshot,
            "CreateDBCluster": self._create,
            "CreateDBInstance": self._create_instance,
            "DeleteDBCluster": self._delete,
            "DescribeDBClusterSnapshots": self._describe_snapshots,
            "ModifyDBCluster": self._modify,
            "ModifyDBInstance": self._modify_instance,
            "RestoreDBClusterFromSnapshot": self._restore_snapshot,
            "RestoreDBClusterToPointInTime": self._restore_time,
        }

    def with_data(self, own: Snapshot) -> Snapshot:
        """Ministack's creation of a snapshot's record, with a copy of the data."""

        def create(name: str, cluster: Record) -> Record:
            record = own(name, cluster)
            kept = {key: cluster.get(key) for key in ("DatabaseName", "MasterUsername")}
            record |= kept | {DATA: self._servers.copy(cluster["DBClusterArn"])}
            if name.startswith("awsbackup:"):
                record["SnapshotType"] = "awsbackup"
            return record

        return create

    def _create(self, request: Request) -> Answer:
        answer = self._native["CreateDBCluster"](request)
        if answer[0] == HTTPStatus.OK:
            record = self._cluster(_given(request, "DBClusterIdentifier"))
            record |= rds.endpoints(record)
            rds.begin(record, servers=self._servers, password=record["_MasterUserPassword"])
        return answer

    def _create_instance(self, request: Request) -> Answer:
        answer = self._native["CreateDBInstance"](request)
        if record := self._clusters.get(_given(request, "DBClusterIdentifier")):
            record |= rds.endpoints(record) | {"_shared_endpoint": None}  # ministack's is that of a container
        return answer

    def _delete(self, request: Request) -> Answer:
        record = self._clusters.get(_given(request, "DBClusterIdentifier"))
        answer = self._native["DeleteDBCluster"](request)
        if record and answer[0] == HTTPStatus.OK:
            self._servers.delete(record["DBClusterArn"])
        return answer

    def _modify(self, request: Request) -> Answer:
        record = self._clusters.get(_given(request, "DBClusterIdentifier"))
        before = record and record.get("_MasterUserPassword")
        answer = self._native["ModifyDBCluster"](request)
        if not record or answer[0] != HTTPStatus.OK:
            return answer
        if _given(request, "ManageMasterUserPassword") == "true" and not record.get("MasterUserSecret"):
            key = _given(request, "MasterUserSecretKmsKeyId")
            record["_MasterUserPassword"] = rds.manage_password(record, **({"KmsKeyId": key} if key else {}))
        if record.get("_MasterUserPassword") != before:
            self._servers.set_password(
                record["DBClusterArn"], master=record["MasterUsername"], password=record["_MasterUserPassword"]
            )
        if new := _given(request, "NewDBClusterIdentifier"):
            self._rename(record, new)
        return answer

    def _rename(self, record: Record, new: str) -> None:
        old, arn = record["DBClusterIdentifier"], record["DBClusterArn"]
        record |= {"DBClusterIdentifier": new, "DBClusterArn": arn.removesuffix(old) + new}
        record |= rds.endpoints(record)
        self._clusters[new] = self._clusters.pop(old)
        for member in record["DBClusterMembers"]:
            self._instances[member["DBInstanceIdentifier"]]["DBClusterIdentifier"] = new
        self._servers.rename(arn, new=record["DBClusterArn"], names=rds.names(record))

    def _modify_instance(self, request: Request) -> Answer:
        old, new = (_given(request, name) for name in ("DBInstanceIdentifier", "NewDBInstanceIdentifier"))
        answer = self._native["ModifyDBInstance"](request)
        if new and answer[0] == HTTPStatus.OK:
            record = self._instances[new] = self._instances.pop(old)
            record |= {"DBInstanceIdentifier": new, "DBInstanceArn": record["DBInstanceArn"].removesuffix(old) + new}
            for member in self._clusters.get(record.get("DBClusterIdentifier"), {}).get("DBClusterMembers", []):
                if member["DBInstanceIdentifier"] == old:
                    member["DBInstanceIdentifier"] = new
        return answer

    def _describe_snapshots(self, request: Request) -> Answer:
        """By ARN too; of no type in particular, those of AWS Backup are left out."""
        name = _given(request, "DBClusterSnapshotIdentifier")
        wanted = {"DBClusterSnapshotIdentifier": name.partition(SNAPSHOT)[2]} if SNAPSHOT in name else {}
        if not name and not _given(request, "SnapshotType"):
            wanted = {"SnapshotType": "manual"}
        return self._native["DescribeDBClusterSnapshots"](request | wanted)

    def _copy_snapshot(self, request: Request) -> Answer:
        source = self._snapshot(_given(request, "SourceDBClusterSnapshotIdentifier"))
        name = _given(request, "TargetDBClusterSnapshotIdentifier")
        if source is None:
            return _refused("DBClusterSnapshotNotFoundFault", "There is no such snapshot to copy.")
        arn = f"arn:aws:rds:{get_region()}:{get_account_id()}{SNAPSHOT}{name}"
        changed = {"DBClusterSnapshotIdentifier": name, "DBClusterSnapshotArn": arn}
        key = _given(request, "KmsKeyId")
        self._snapshots[name] = source | changed | ({"KmsKeyId": key} if key else {})
        status, headers, body = self._native["DescribeDBClusterSnapshots"]({"DBClusterSnapshotIdentifier": name})
        for tag in (b"<DBClusterSnapshots>", b"</DBClusterSnapshots>"):
            body = body.replace(tag, b"")
        return status, headers, body.replace(b"DescribeDBClusterSnapshots", b"CopyDBClusterSnapshot")

    def _restore_snapshot(self, request: Request) -> Answer:
        source = self._snapshot(_given(request, "SnapshotIdentifier"))
        if source is None:
            return _refused("DBClusterSnapshotNotFoundFault", "There is no such snapshot to restore.")
        return self._restore(request, source=source, copied=source.get(DATA), action="RestoreDBClusterFromSnapshot")

    def _restore_time(self, request: Request) -> Answer:
        source = self._clusters.get(_given(request, "SourceDBClusterIdentifier"))
        if source is None:
            return _refused("DBClusterNotFoundFault", "There is no such cluster to restore.")
        time = _given(request, "RestoreToTime")
        if time and not _time(source["EarliestRestorableTime"]) <= _time(time) <= datetime.now(UTC):
            return _refused("InvalidRestoreFault", f"{time} is not a time that {source['DBClusterArn']} was at.")
        copied = self._servers.copy(source["DBClusterArn"], until=time)
        return self._restore(request, source=source, copied=copied, action="RestoreDBClusterToPointInTime")

    def _restore(self, request: Request, *, source: Record, copied: Any, action: str) -> Answer:
        same = {name: str(source[name]) for name in ("Engine", "EngineVersion", "MasterUsername") if source.get(name)}
        same |= {"DatabaseName": source.get("DatabaseName") or "", "StorageEncrypted": "true"}
        version = _given(request, "EngineVersion")
        status, headers, body = self._native["CreateDBCluster"](
            request | same | ({"EngineVersion": version} if version else {})
        )
        if status == HTTPStatus.OK:
            record = self._cluster(_given(request, "DBClusterIdentifier"))
            record |= rds.endpoints(record)
            if copied:
                self._servers.restore(
                    record["DBClusterArn"], names=rds.names(record), port=record["Port"], copied=copied
                )
        return status, headers, body.replace(b"CreateDBCluster", action.encode())

    def _cluster(self, name: str) -> Record:
        return self._clusters[name]

    def _snapshot(self, name: str) -> Record | None:
        """By name in this region, or by ARN in any."""
        region = name.split(":")[3] if SNAPSHOT in name else get_region()
        found: Record | None = self._snapshots.get_scoped(get_account_id(), region, name.partition(SNAPSHOT)[2] or name)
        return found


def _given(request: Request, name: str) -> str:
    value = request.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _refused(code: str, message: str) -> Answer:
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return HTTPStatus.BAD_REQUEST, {"Content-Type": "text/xml"}, f"{text}</ErrorResponse>".encode()
