"""What must be true after a step of the runbook: each look says what it found, or fails with what it found instead."""

import json
from typing import Any

from cdk_rehearsal.documented import Terminal
from tools.drill.checks import locked, must
from tools.drill.platform import Site


class Findings:
    """The looks that are taken during a drill.

    Args:
        site: What is looked at.
        terminal: Where the runbook's commands left their variables.
    """

    def __init__(self, *, site: Site, terminal: Terminal) -> None:
        self._site, self._names, self._terminal = site, site.names, terminal

    def opened(self) -> str:
        """The runbook is about the environment that is drilled."""
        wanted = self._terminal.variable("ENVIRONMENT")
        must(wanted == self._names.environment, f"The runbook is about {wanted}, not {self._names.environment}.")
        return ""

    def ready(self) -> str:
        """What has to be there beforehand."""
        names = self._names
        described = self._site.here("secretsmanager").describe_secret(SecretId=names.resource("database-user"))
        found = {replica["Region"]: replica["Status"] for replica in described["ReplicationStatus"]}
        must(found == {names.recovery: "InSync"}, f"The database user's secret is replicated so: {found}")
        points = self._site.there("backup").list_recovery_points_by_backup_vault(BackupVaultName=names.resource("dr"))
        kinds = sorted({point["ResourceArn"].split(":")[2] for point in points["RecoveryPoints"]})
        must(kinds == ["dynamodb", "rds"], f"The DR vault holds copies of {kinds}.")
        return "secret in sync, copies of database and sessions in the DR vault"

    def known(self) -> str:
        """What the DR region knows while the other is gone, and how much of the data it has."""
        names, there = self._names, self._site.there
        manifest = json.loads(there("ssm").get_parameter(Name=names.parameter("manifest"))["Parameter"]["Value"])[
            names.recovery
        ]
        there("dynamodb").describe_table(TableName=manifest["session_table"])
        there("s3").head_bucket(Bucket=manifest["audit_bucket"])
        there("cloudwatch").get_dashboard(DashboardName=manifest["dashboard"])
        for key in ("session_key", "audit_key", "database_user_key"):
            there("kms").describe_key(KeyId=manifest[key])
        snapshot = self._terminal.variable("SNAPSHOT")
        vault = manifest["backup_vault"]
        point = there("backup").describe_recovery_point(BackupVaultName=vault, RecoveryPointArn=snapshot)
        must(":rds:" in point["ResourceArn"], f"{snapshot} is of {point['ResourceArn']}.")
        must(self._terminal.variable("RELEASE"), "The DR stack names no release.")
        replicated = [kind for kind in self._site.kinds.values() if kind.replicated]
        for kind in replicated:
            kind.look_there(names.recovery)
        losses = ", ".join(f"{kind.name.lower()} {kind.lost}" for kind in replicated)
        return f"manifest, release and the database's copy found; lost: {losses}"

    def brought_up(self) -> str:
        """The platform stands in the DR region, and its own DR stack in the next."""
        names, fallback, total = self._names, self._terminal.variable("FALLBACK"), 0
        for region, stack in ((fallback, "DisasterRecovery"), (names.recovery, "Payment")):
            cloudformation, name = self._site.at("cloudformation", region=region), f"{names.recovered}-{stack}"
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            must(status == "CREATE_COMPLETE", f"{name} is {status}.")
            total += len(cloudformation.describe_stack_resources(StackName=name)["StackResources"])
        return f"{total} resources in {names.recovery} and {fallback}; none asked {names.primary}"

    def logs_in(self) -> str:
        """The service there knows the restored database's user."""
        names, secrets = self._names, self._site.there("secretsmanager")
        lost, new = (
            json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
            for name in (names.resource("database-user"), names.resource("database-user", region=names.recovery))
        )
        endpoints = {cluster["Endpoint"] for cluster in self._site.there("rds").describe_db_clusters()["DBClusters"]}
        must(new["password"] == lost["password"], "The service there has another password than the database.")
        must(new["host"] in endpoints, f"{new['host']} is no database there.")
        return "the user's secret read from its replica; nothing was restored, see below"

    def uses_the_sessions(self) -> str:
        """The service there uses the replica, and may."""
        names, policy = self._names, self._names.resource("recovery")
        role = self._terminal.variable("ROLE").rpartition("/")[2]
        attached = self._site.there("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        must(policy in {one["PolicyName"] for one in attached}, f"{role} may not use the sessions.")
        parameter = names.parameter("dynamodb/table", region=names.recovery)
        table = self._site.there("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        must(table == names.resource("sessions"), f"The service there is told to use the table {table}.")
        return "the service there is told of the replica, and may use it"

    def works(self) -> str:
        """Nothing more is missing than was, and the audit log can still not be changed."""
        for kind in self._site.kinds.values():
            kind.look_there(self._names.recovery)
        entries = self._site.kinds["entries"]
        locked(self._site.there("s3"), bucket=self._names.replica, keys=entries.before)
        return f"sessions written and read, {len(entries.before)} audit entries locked"

    def caught_up(self) -> str:
        """Both regions have the same sessions, and what was in flight has arrived."""
        sessions, entries = self._site.kinds["sessions"], self._site.kinds["entries"]
        here, there = (set(sessions.find(region)) for region in (self._names.primary, self._names.recovery))
        must(here == there, f"{len(here ^ there)} sessions are in one region only.")
        locked(self._site.there("s3"), bucket=self._names.replica, keys=entries.in_flight)
        return f"{len(here)} sessions in both regions; the audit entries that were in flight have arrived, locked"

    def home(self) -> str:
        """Everything is in the primary region, whichever region it was written in."""
        for kind in self._site.kinds.values():
            kind.look_at_home(self._names.primary)
        entries = [f"recovered/{key}" for key in self._site.kinds["entries"].meanwhile]
        locked(self._site.here("s3"), bucket=self._names.log, keys=entries)
        return "everything written in either region is in the primary region; the entries are locked there"

    def fenced(self) -> str:
        """Nobody writes in the primary region."""
        return self._tasks(self._site.here("ecs"), region=self._names.primary, number=0)

    def stopped(self) -> str:
        """Nobody writes in the DR region."""
        return self._tasks(self._site.there("ecs"), region=self._names.recovery, number=0)

    def serving(self) -> str:
        """The primary region serves again."""
        return self._tasks(self._site.here("ecs"), region=self._names.primary, number=self._names.tasks)

    def taken_down(self) -> str:
        """What was brought up is gone, and the environment stands."""
        names, fallback = self._names, self._terminal.variable("FALLBACK")
        for region, stack in ((fallback, "DisasterRecovery"), (names.recovery, "Payment")):
            listed = self._site.at("cloudformation", region=region).list_stacks()["StackSummaries"]
            left = [each["StackStatus"] for each in listed if each["StackName"] == f"{names.recovered}-{stack}"]
            must(set(left) == {"DELETE_COMPLETE"}, f"{names.recovered}-{stack} is {left}.")
        self.serving()
        return f"{names.recovered} is gone; {names.environment} serves"

    def _tasks(self, ecs: Any, *, region: str, number: int) -> str:
        service = self._names.resource("service", region=region)
        found = ecs.describe_services(cluster=service, services=[service])["services"][0]["desiredCount"]
        must(found == number, f"{service} is told to run {found} tasks, not {number}.")
        return f"{service} is told to run {number} tasks"
