"""The kinds of data that a drill writes, backs up, looks for and counts."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tools.drill.failures import DrillError, must
from tools.drill.names import Names

_KEY = "record-"
FIRST = f"{_KEY}000"
Client = Callable[..., Any]  # service, region= -> a client of the drilled account


@dataclass(slots=True, kw_only=True)
class Kind:
    """One kind of data, and the keys of its records."""

    name: str
    promise: str  # what may be lost, according to the runbook
    replicated: bool  # whether all but the records in flight must be in the DR region
    write: Callable[[str, str], None]  # region, key
    find: Callable[[str], Iterable[str]]  # region -> keys
    before: list[str] = field(default_factory=list)  # written while all was well
    in_flight: list[str] = field(default_factory=list)  # written while the region was cut off
    meanwhile: list[str] = field(default_factory=list)  # written in the DR region
    found_in_recovery: set[str] = field(default_factory=set)
    found_in_primary: set[str] = field(default_factory=set)

    def put(self, into: list[str], *, region: str, number: int) -> None:
        """Write new records, and keep their keys in the list."""
        start = len(self.before) + len(self.in_flight) + len(self.meanwhile)
        for key in (f"{_KEY}{start + offset:03}" for offset in range(number)):
            self.write(region, key)
            into.append(key)

    def look_in_recovery(self, region: str) -> None:
        """Find the records in the DR region; only those in flight may be missing."""
        self.found_in_recovery = self._found(region)
        if self.replicated:
            self._must_have(self.before, self.found_in_recovery, region=region)

    def look_in_primary(self, region: str) -> None:
        """Find the records in the primary region after its return, with those of the DR region."""
        self.found_in_primary = self._found(region)
        wanted = [*self.before, *self.in_flight, *(self.meanwhile if self.replicated else [])]
        self._must_have(wanted, self.found_in_primary, region=region)

    @property
    def lost(self) -> int:
        """The number of records written before the failover that the DR region does not have."""
        return len({*self.before, *self.in_flight} - self.found_in_recovery)

    def _found(self, region: str) -> set[str]:
        """The known keys in a region, without records that the runbook writes."""
        return set(self.find(region)) & {*self.before, *self.in_flight, *self.meanwhile}

    def _must_have(self, wanted: list[str], found: set[str], *, region: str) -> None:
        if missing := [key for key in wanted if key not in found]:
            raise DrillError(
                f"{self.name}: {len(missing)} of {len(wanted)} records are not in {region}, for example {missing[0]}."
            )


def kinds(client: Client, *, names: Names) -> dict[str, Kind]:
    """Sessions, audit log and messages of the drilled environment."""

    def write_session(region: str, key: str) -> None:
        item = {"sessionId": {"S": key}, "ttl": {"N": "4102444800"}}
        client("dynamodb", region=region).put_item(TableName=names.resource("sessions"), Item=item)

    def find_sessions(region: str) -> Iterable[str]:
        items = client("dynamodb", region=region).scan(TableName=names.resource("sessions"))["Items"]
        return [item["sessionId"]["S"] for item in items]

    def write_entry(region: str, key: str) -> None:
        bucket = names.audit_log(region, recovered=region == names.recovery)
        client("s3", region=region).put_object(Bucket=bucket, Key=key, Body=json.dumps({"payment": key}).encode())

    def find_entries(region: str) -> Iterable[str]:
        bucket = names.audit_log(region)
        listed = client("s3", region=region).list_objects_v2(Bucket=bucket).get("Contents", [])
        return [entry["Key"].rpartition("/")[2] for entry in listed]  # entries that were copied back have a prefix

    def queue(region: str) -> str:
        name = names.resource("processing", region=region)
        return str(client("sqs", region=region).get_queue_url(QueueName=name)["QueueUrl"])

    def write_message(region: str, key: str) -> None:
        client("sqs", region=region).send_message(QueueUrl=queue(region), MessageBody=key)

    def find_messages(region: str) -> Iterable[str]:
        sqs, found = client("sqs", region=region), list[str]()
        while messages := sqs.receive_message(QueueUrl=queue(region), MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in messages]
        return found

    return {
        "sessions": Kind(name="Sessions", promise="seconds", replicated=True, write=write_session, find=find_sessions),
        "entries": Kind(name="Audit log", promise="15 minutes", replicated=True, write=write_entry, find=find_entries),
        "messages": Kind(name="Messages", promise="all", replicated=False, write=write_message, find=find_messages),
    }


def back_up(backup: Any) -> int:
    """Run each rule of the deployed plans once, since the emulator has no schedule; returns the number of copies."""
    copies = 0
    for plan in backup.list_backup_plans()["BackupPlansList"]:
        plan_id = plan["BackupPlanId"]
        rules = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]["Rules"]
        for selected in backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]:
            selection = backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=selected["SelectionId"])
            chosen = selection["BackupSelection"]
            for rule in rules:
                for arn in chosen["Resources"]:
                    copies += _run_rule(backup, rule=rule, arn=arn, role=chosen["IamRoleArn"])
    return copies


def _run_rule(backup: Any, *, rule: dict[str, Any], arn: str, role: str) -> int:
    vault = rule["TargetBackupVaultName"]
    job = backup.start_backup_job(BackupVaultName=vault, ResourceArn=arn, IamRoleArn=role)
    for copy in rule["CopyActions"]:
        copied = backup.start_copy_job(
            RecoveryPointArn=job["RecoveryPointArn"],
            SourceBackupVaultName=vault,
            DestinationBackupVaultArn=copy["DestinationBackupVaultArn"],
            IamRoleArn=role,
            Lifecycle=copy.get("Lifecycle", {}),
        )
        state = backup.describe_copy_job(CopyJobId=copied["CopyJobId"])["CopyJob"]["State"]
        must(state == "COMPLETED", f"The copy of {arn} is {state}.")
    return len(rule["CopyActions"])
