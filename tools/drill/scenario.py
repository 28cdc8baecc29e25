"""The scenario: what happens, and what is checked, before and after each step of the runbook."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from cdk_rehearsal import Environment, Terminal
from tools.drill.checks import Checks
from tools.drill.data import back_up
from tools.drill.database import await_rotation
from tools.drill.failures import must_be_lost
from tools.drill.permissions import Judgement
from tools.drill.platform import Site

Action = Callable[[], str]  # returns a note for the report
RECORDS, IN_FLIGHT, MEANWHILE = 20, 3, 5  # of each kind of data


class Scenario:
    """A region that is first cut off, then lost, then well again."""

    def __init__(self, *, site: Site, checks: Checks, terminal: Terminal, judgement: Judgement) -> None:
        self._site, self._terminal, self._judgement = site, terminal, judgement
        self._rotation_since = 0.0
        # The keys are the step titles of docs/point-in-time-recovery.md and docs/disaster-recovery.md.
        self.before: Mapping[str, tuple[Action, ...]] = {
            "Choose the time": (self._write_and_damage,),
            "Delete the database before the swap": (self._judge_before_a_deletion,),
            "Renew the passwords": (self._note_rotation,),
            "Check": (self._write_and_back_up,),
            "Set the passwords": (self._note_rotation,),
            "Copy the database back": (self._note_rotation,),
            "Check the fence": (self._restore_region,),
            "Delete the recovery environment": (self._judge_before_a_deletion,),
        }
        self.after: Mapping[str, tuple[Action, ...]] = {
            "Open the terminal": (checks.environment,),
            "Stop the service": (checks.no_task_in_primary,),
            "Renew the passwords": (self._rotated_in_primary, checks.payments_restored),
            "Start the service": (checks.tasks_in_primary,),
            "Terminal": (checks.environment,),
            "Check": (checks.prerequisites,),
            "Decide": (self._cut_off_region,),
            "Fence": (checks.no_task_in_primary, self._lose_region),
            "Record the recovery point": (checks.recovery_point,),
            "Deploy the platform": (checks.deployed,),
            "Set the passwords": (self._rotated_in_recovery, checks.database_user),
            "Connect the sessions": (checks.session_access,),
            "Verify": (checks.data_in_recovery,),
            "Switch traffic": (self._write_in_recovery,),
            "Check the fence": (checks.no_task_in_primary,),
            "Wait for replication": (checks.replicated,),
            "Stop the recovered service": (checks.no_task_in_recovery,),
            "Copy the audit log back": (checks.data_in_primary,),
            "Copy the database back": (self._rotated_in_primary, checks.payments_copied_back),
            "Resume in the primary region": (checks.tasks_in_primary,),
            "Delete the recovery environment": (checks.recovery_deleted,),
        }

    def _write_and_damage(self) -> str:
        site, primary = self._site, self._site.names.primary
        await_rotation(site.here("secretsmanager"), secret=site.names.resource("database-user"), since=0)
        site.payments.put(site.payments.before, region=primary, number=RECORDS)
        ((wanted,),) = site.payments.execute(primary, "SELECT clock_timestamp()")
        self._terminal.run(f"export TIME={wanted.isoformat()}", title="Choose the time")
        site.payments.execute(primary, "UPDATE drill.payments SET key = 'wrong'")
        return f"{RECORDS} payments written, and overwritten after that time"

    def _note_rotation(self) -> str:
        self._rotation_since = time.time()
        return ""

    def _rotated_in_primary(self) -> str:
        return self._rotated(self._site.here("secretsmanager"), region=self._site.names.primary)

    def _rotated_in_recovery(self) -> str:
        return self._rotated(self._site.there("secretsmanager"), region=self._site.names.recovery)

    def _rotated(self, secrets: Any, *, region: str) -> str:
        secret = self._site.names.resource("database-user", region=region)
        await_rotation(secrets, secret=secret, since=self._rotation_since)
        return "the rotation has set new passwords"

    def _write_and_back_up(self) -> str:
        self._record_release()
        self._write(self._site.names.primary, number=RECORDS, moment="before")
        copies = back_up(self._site.here("backup"))
        return f"{RECORDS} records of each kind written, {copies} backups copied"

    def _record_release(self) -> None:
        """What `make verify` does after a deployment: tests/integration/record.py."""
        names = self._site.names
        (cluster,) = self._site.here("rds").describe_db_clusters(DBClusterIdentifier=names.resource("database"))[
            "DBClusters"
        ]
        manifest = self._site.here("ssm").get_parameter(Name=names.parameter("manifest"))["Parameter"]["Value"]
        image = json.loads(manifest)["configuration"]["image"]
        verified = {"release": names.release, "image": image, "engine": cluster["EngineVersion"]}
        self._site.there("ssm").put_parameter(
            Name=names.parameter("verified-release"), Value=json.dumps(verified), Type="String", Overwrite=True
        )

    def _cut_off_region(self) -> str:
        primary = self._site.names.primary
        self._site.emulator.fail(primary, state="cut-off")
        self._write(primary, number=IN_FLIGHT, moment="in_flight")
        return f"{primary} is cut off, {IN_FLIGHT} more records of each kind written there"

    def _lose_region(self) -> str:
        primary = self._site.names.primary
        self._site.emulator.fail(primary, state="lost")
        must_be_lost(self._site.here("dynamodb"), region=primary)
        return f"{primary} is lost"

    def _write_in_recovery(self) -> str:
        recovery = self._site.names.recovery
        self._write(recovery, number=MEANWHILE, moment="meanwhile")
        return f"{MEANWHILE} records of each kind written in {recovery}"

    def _restore_region(self) -> str:
        self._site.emulator.fail(self._site.names.primary, state="well")
        return f"{self._site.names.primary} is well again"

    def _judge_before_a_deletion(self) -> str:
        """Roles and secrets are deleted with their policies and tags, which allowed calls."""
        account, fallback = self._site.names.account, self._terminal.variable("FALLBACK")
        return self._judgement.judge(*([Environment(account=account, region=fallback)] if fallback else []))

    def _write(self, region: str, *, number: int, moment: str) -> None:
        for kind in self._site.kinds.values():
            kind.put(getattr(kind, moment), region=region, number=number)
