"""The night before: what AWS Backup would do by its plan, started by hand because the emulator has no schedule.

Nothing is said here of what is backed up and where to: the plan that stands says it, and so does its selection.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tools.drill.checks import DrillError, must
from tools.drill.names import Names

Client = Callable[..., Any]  # service, region= -> a client of the drilled environment


@dataclass(slots=True, kw_only=True)
class Kind:
    """One kind of data.

    Args:
        name: What a person calls it.
        promise: What may be lost of it, as the runbook says.
        replicated: Whether all of it but the last seconds must be in the DR region.
        write: Writes a record of some key in a region.
        find: The keys that a region has.
    """

    name: str
    promise: str
    replicated: bool
    write: Callable[[str, str], None]
    find: Callable[[str], Iterable[str]]
    before: list[str] = field(default_factory=list)  # written while all was well
    in_flight: list[str] = field(default_factory=list)  # written while the region was cut off
    meanwhile: list[str] = field(default_factory=list)  # written in the DR region
    found_there: set[str] = field(default_factory=set)
    found_at_home: set[str] = field(default_factory=set)

    def put(self, into: list[str], *, region: str, number: int) -> None:
        """Write so many records, and note them."""
        start = len(self.before) + len(self.in_flight) + len(self.meanwhile)
        for key in (f"record-{start + offset:03}" for offset in range(number)):
            self.write(region, key)
            into.append(key)

    def look_there(self, region: str) -> None:
        """Count what the DR region has; only what was in flight may be missing."""
        self.found_there = self._found(region)
        if self.replicated:
            self._must_have(self.before, self.found_there, region=region)

    def look_at_home(self, region: str) -> None:
        """Count what the primary region has once it is back, what was written in the other one included."""
        self.found_at_home = self._found(region)
        wanted = [*self.before, *self.in_flight, *(self.meanwhile if self.replicated else [])]
        self._must_have(wanted, self.found_at_home, region=region)

    @property
    def lost(self) -> int:
        """How much of what was written before the fail-over the DR region did not have."""
        return len({*self.before, *self.in_flight} - self.found_there)

    def _found(self, region: str) -> set[str]:
        """Without what the runbook itself has written."""
        return set(self.find(region)) & {*self.before, *self.in_flight, *self.meanwhile}

    def _must_have(self, wanted: list[str], found: set[str], *, region: str) -> None:
        if missing := [key for key in wanted if key not in found]:
            raise DrillError(
                f"{self.name}: {len(missing)} of {len(wanted)} records are not in {region}, {missing[0]} for one."
            )


def kinds(client: Client, *, names: Names) -> dict[str, Kind]:
    """The kinds of data that a drill can write.

    Args:
        client: Gives the clients of the drilled account.
        names: Where each kind is kept.
    """

    def write_session(region: str, key: str) -> None:
        item = {"sessionId": {"S": key}, "ttl": {"N": "4102444800"}}
        client("dynamodb", region=region).put_item(TableName=names.resource("sessions"), Item=item)

    def find_sessions(region: str) -> Iterable[str]:
        items = client("dynamodb", region=region).scan(TableName=names.resource("sessions"))["Items"]
        return [item["sessionId"]["S"] for item in items]

    def write_entry(region: str, key: str) -> None:
        bucket = names.log if region == names.primary else names.new_log
        client("s3", region=region).put_object(Bucket=bucket, Key=key, Body=json.dumps({"payment": key}).encode())

    def find_entries(region: str) -> Iterable[str]:
        bucket = names.log if region == names.primary else names.replica
        listed = client("s3", region=region).list_objects_v2(Bucket=bucket).get("Contents", [])
        return [entry["Key"].rpartition("/")[2] for entry in listed]  # what came home lies in a folder

    def queue(region: str) -> str:
        url: str = client("sqs", region=region).get_queue_url(QueueName=names.resource("processing", region=region))[
            "QueueUrl"
        ]
        return url

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
    """Carry out every rule of every plan once; returns the number of copies that were made."""
    copies = 0
    for plan in backup.list_backup_plans()["BackupPlansList"]:
        plan_id = plan["BackupPlanId"]
        rules = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]["Rules"]
        for selected in backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]:
            selection = backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=selected["SelectionId"])
            chosen = selection["BackupSelection"]
            for rule in rules:
                for arn in chosen["Resources"]:
                    copies += _carry_out(backup, rule=rule, arn=arn, role=chosen["IamRoleArn"])
    return copies


def _carry_out(backup: Any, *, rule: dict[str, Any], arn: str, role: str) -> int:
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
