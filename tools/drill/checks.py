"""What must be true after a step of the runbook: each check returns its finding, or raises `DrillError`."""

import json
from typing import Any

from cdk_rehearsal import Terminal
from tools.drill.failures import must, must_be_locked
from tools.drill.platform import Site


class Checks:
    """The checks of one drill; the terminal has the variables that the runbook's commands set."""

    def __init__(self, *, site: Site, terminal: Terminal) -> None:
        self._site, self._names, self._terminal = site, site.names, terminal

    def environment(self) -> str:
        """The runbook is about the drilled environment."""
        wanted = self._terminal.variable("ENVIRONMENT")
        must(wanted == self._names.environment, f"The runbook is about {wanted}, not {self._names.environment}.")
        return ""

    def prerequisites(self) -> str:
        """The database user's secret is replicated, and the DR vault has copies of database and sessions."""
        names = self._names
        described = self._site.here("secretsmanager").describe_secret(SecretId=names.resource("database-user"))
        found = {replica["Region"]: replica["Status"] for replica in described["ReplicationStatus"]}
        must(found == {names.recovery: "InSync"}, f"The replicas of the database user's secret are {found}.")
        points = self._site.there("backup").list_recovery_points_by_backup_vault(BackupVaultName=names.resource("dr"))
        kinds = sorted({point["ResourceArn"].split(":")[2] for point in points["RecoveryPoints"]})
        must(kinds == ["dynamodb", "rds"], f"The DR vault has copies of {kinds}.")
        return "secret in sync, copies of database and sessions in the DR vault"

    def recovery_point(self) -> str:
        """With the primary region lost, the DR region has the manifest, the release, the copies and the data."""
        names, there = self._names, self._site.there
        parameter = there("ssm").get_parameter(Name=names.parameter("manifest"))["Parameter"]
        manifest = json.loads(parameter["Value"])[names.recovery]
        there("dynamodb").describe_table(TableName=manifest["session_table"])
        there("s3").head_bucket(Bucket=manifest["audit_bucket"])
        there("cloudwatch").get_dashboard(DashboardName=manifest["dashboard"])
        for key in ("session_key", "audit_key", "database_user_key"):
            there("kms").describe_key(KeyId=manifest[key])
        snapshot = self._terminal.variable("SNAPSHOT")
        vault = manifest["backup_vault"]
        point = there("backup").describe_recovery_point(BackupVaultName=vault, RecoveryPointArn=snapshot)
        must(":rds:" in point["ResourceArn"], f"{snapshot} is of {point['ResourceArn']}.")
        release = self._terminal.variable("RELEASE")
        must(release == names.release, f"The runbook deploys {release}, and {names.release} was verified.")
        replicated = [kind for kind in self._site.kinds.values() if kind.replicated]
        for kind in replicated:
            kind.look_in_recovery(names.recovery)
        losses = ", ".join(f"{kind.name.lower()} {kind.lost}" for kind in replicated)
        return f"manifest, release and copy of the database found; lost: {losses}"

    def deployed(self) -> str:
        """The platform is deployed in the DR region, and its own DR stack in the next one."""
        names, fallback, total = self._names, self._terminal.variable("FALLBACK"), 0
        for region, stack in ((fallback, "DisasterRecovery"), (names.recovery, "Payment")):
            cloudformation, name = self._site.at("cloudformation", region=region), f"{names.recovered}-{stack}"
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            must(status == "CREATE_COMPLETE", f"{name} is {status}.")
            total += len(cloudformation.describe_stack_resources(StackName=name)["StackResources"])
        return f"{total} resources in {names.recovery} and {fallback}; none needs {names.primary}"

    def database_user(self) -> str:
        """The recovered service's login works in the restored database, and the replica of the lost one's is read."""
        names, secrets = self._names, self._site.there("secretsmanager")
        _, new = (
            json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
            for name in (names.resource("database-user"), names.resource("database-user", region=names.recovery))
        )
        endpoints = {cluster["Endpoint"] for cluster in self._site.there("rds").describe_db_clusters()["DBClusters"]}
        must(new["host"] in endpoints, f"There is no database {new['host']} in {names.recovery}.")
        self._site.payments.look_in_recovery(names.recovery)
        return f"logged in as {new['username']}, {len(self._site.payments.found_in_recovery)} payments found"

    def payments_restored(self) -> str:
        """The database has the payments of the chosen time again."""
        self._site.payments.look_in_primary(self._names.primary)
        return f"{len(self._site.payments.before)} payments as they were at that time"

    def payments_copied_back(self) -> str:
        """The primary region has the payments of the DR region."""
        self._site.payments.look_after_copy(self._names.primary)
        return f"{len(self._site.payments.found_in_primary)} payments found, {len(self._site.payments.meanwhile)} new"

    def session_access(self) -> str:
        """The recovered service uses the replica of the sessions; its role and the endpoint of its VPC allow it."""
        names, policy = self._names, self._names.resource("recovery")
        role = self._terminal.variable("ROLE").rpartition("/")[2]
        attached = self._site.there("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        must(policy in {one["PolicyName"] for one in attached}, f"{role} has no access to the sessions.")
        parameter = names.parameter("dynamodb/table", region=names.recovery)
        table = self._site.there("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        must(table == names.resource("sessions"), f"The recovered service uses the table {table}.")
        found = self._site.there("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        policies = [each.get("PolicyDocument", "") for each in found if each["ServiceName"].endswith(".dynamodb")]
        limited = [policy for policy in policies if f'table/{table}"' not in policy]
        must(policies and not limited, f"An endpoint in {names.recovery} does not admit {table}: {limited}.")
        return "the recovered service uses the replica; its role and the endpoint allow it"

    def data_in_recovery(self) -> str:
        """No more data is missing than before, and the audit log is still locked."""
        for kind in self._site.kinds.values():
            kind.look_in_recovery(self._names.recovery)
        entries = self._site.kinds["entries"]
        must_be_locked(self._site.there("s3"), bucket=self._names.audit_log(self._names.recovery), keys=entries.before)
        return f"sessions written and read, {len(entries.before)} audit entries locked"

    def replicated(self) -> str:
        """Both regions have the same sessions, and the records in flight have arrived."""
        sessions, entries = self._site.kinds["sessions"], self._site.kinds["entries"]
        here, there = (set(sessions.find(region)) for region in (self._names.primary, self._names.recovery))
        must(here == there, f"{len(here ^ there)} sessions are in one region only.")
        must_be_locked(
            self._site.there("s3"), bucket=self._names.audit_log(self._names.recovery), keys=entries.in_flight
        )
        return f"{len(here)} sessions in both regions; the audit entries in flight have arrived, locked"

    def data_in_primary(self) -> str:
        """The primary region has all data, of both regions."""
        for kind in self._site.kinds.values():
            kind.look_in_primary(self._names.primary)
        entries = [f"recovered/{key}" for key in self._site.kinds["entries"].meanwhile]
        must_be_locked(self._site.here("s3"), bucket=self._names.audit_log(self._names.primary), keys=entries)
        return "the data of both regions is in the primary region; the audit entries are locked there"

    def no_task_in_primary(self) -> str:
        """No task can write in the primary region."""
        return self._tasks(self._site.here("ecs"), region=self._names.primary, number=0)

    def no_task_in_recovery(self) -> str:
        """No task can write in the DR region."""
        return self._tasks(self._site.there("ecs"), region=self._names.recovery, number=0)

    def tasks_in_primary(self) -> str:
        """The primary region serves again."""
        return self._tasks(self._site.here("ecs"), region=self._names.primary, number=self._names.tasks)

    def recovery_deleted(self) -> str:
        """The recovery environment is deleted, and the drilled environment serves."""
        names, fallback = self._names, self._terminal.variable("FALLBACK")
        for region, stack in ((fallback, "DisasterRecovery"), (names.recovery, "Payment")):
            listed = self._site.at("cloudformation", region=region).list_stacks()["StackSummaries"]
            left = [each["StackStatus"] for each in listed if each["StackName"] == f"{names.recovered}-{stack}"]
            must(set(left) == {"DELETE_COMPLETE"}, f"{names.recovered}-{stack} is {left}.")
        self.tasks_in_primary()
        return f"{names.recovered} is deleted; {names.environment} serves"

    def _tasks(self, ecs: Any, *, region: str, number: int) -> str:
        service = self._names.resource("service", region=region)
        found = ecs.describe_services(cluster=service, services=[service])["services"][0]["desiredCount"]
        must(found == number, f"The desired count of {service} is {found}, not {number}.")
        return f"the desired count of {service} is {number}"
