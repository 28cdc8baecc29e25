"""The DR region's part of one environment: replicas, backup copies, their keys, alarms and inventory."""

from functools import partial
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_backup as backup
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.audit_log import AuditBucket
from payment_constructs.backups import BackupVault
from payment_constructs.housekeeping import HousekeepingRole
from payment_constructs.keys import EncryptionKey
from payment_constructs.logs import AccessLogBucket
from payment_constructs.manifest import Manifest
from payment_constructs.monitoring.alarm import AlarmTopic, Monitored
from payment_constructs.monitoring.backups import BackupCopyMonitoring
from payment_constructs.monitoring.controls import ControlMonitoring
from payment_constructs.monitoring.dashboard import Dashboard
from payment_constructs.monitoring.keys import KeyMonitoring
from payment_constructs.monitoring.replication import ReplicationLagMonitoring
from payment_constructs.monitoring.sessions import SessionTableMonitoring
from payment_constructs.parameters import Parameters
from payment_constructs.replication import ReplicationRole
from payment_constructs.sessions import RecoveryAccess
from stages.environment import Environment
from stages.names import (
    REPLICATED,
    bucket_name,
    copy_vault_name,
    delivery_roles,
    execution_role_name,
    key_guardians,
    parameter_path,
    resource_name,
    role_arn,
)


class DisasterRecoveryStack(Stack):
    """The audit log's replica, the vault for backup copies and the keys of all replicas; deployed first.

    It publishes everything that a failover needs to know, so that no step of it depends on the lost primary region. It
    also creates the two roles that act in both regions: IAM is global, and the resource policies here must name them.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, release: str, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=environment.retains_data, **kwargs)
        retain = environment.retains_data
        region = environment.dr_region
        self.housekeeping_role = HousekeepingRole(
            self, "HousekeepingRole", role_name=resource_name("housekeeping", environment)
        )
        self.replication_role = ReplicationRole(
            self, "ReplicationRole", role_name=resource_name("replication", environment)
        )
        self.access_logs = AccessLogBucket(
            self, "AccessLogs", bucket_name=bucket_name("access-logs", environment, region), retain=retain
        )
        self.replication_role.allow_write(self.access_logs)
        self.audit_key = EncryptionKey(
            self, "AuditReplicaKey", purpose=f"Audit log replica of {environment.name}", retain=retain
        )
        self.audit_bucket = AuditBucket(
            self,
            "AuditReplica",
            bucket_name=bucket_name("audit", environment, region),
            key=self.audit_key,
            access_logs=self.access_logs,
            retain=retain,
        )
        self.replication_role.allow_write(self.audit_bucket, key=self.audit_key)
        acknowledge(
            self.audit_bucket,
            "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
            "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
            control="It is the replica: the source in the primary region has the same objects, versioned and locked.",
        )
        self.session_key = EncryptionKey(
            self, "SessionReplicaKey", purpose=f"Session table replica of {environment.name}", retain=retain
        )
        self.secret_key = EncryptionKey(
            self, "SecretReplicaKey", purpose=f"Database user replica of {environment.name}", retain=retain
        )
        self.secret_key.allow_use_only_through("secretsmanager")
        self.backup_vault = BackupVault(self, "BackupVault", vault_name=copy_vault_name(environment), retain=retain)
        for key in (self.backup_vault.key, self.audit_key):
            key.deny_destruction(except_roles=key_guardians(environment, region))
        RecoveryMonitoring(self, "Monitoring", environment=environment, vault=self.backup_vault)
        self._publish(environment, release=release)
        if not retain:
            self.housekeeping_role.allow_emptying_vault(self.backup_vault)
            self.housekeeping_role.allow_emptying_bucket(self.audit_bucket)
            self.housekeeping_role.allow_emptying_bucket(self.access_logs)

    def _publish(self, environment: Environment, *, release: str) -> None:
        """Publishes the names of all resources, and a policy for a service that is recovered here."""
        session_table = resource_name("sessions", environment)
        RecoveryAccess(
            self,
            "RecoveryAccess",
            policy_name=resource_name("recovery", environment),
            session_table_name=session_table,
            session_key=self.session_key,
        )
        Parameters(
            self,
            "Parameters",
            path=parameter_path(environment),
            values={
                "SessionTable": session_table,
                "AuditBucket": self.audit_bucket.bucket_name,
                "BackupVault": self.backup_vault.backup_vault_name,
                "DatabaseSecret": resource_name("database-user", environment),
                "Release": release,
            },
        )
        Manifest(
            self,
            "Manifest",
            parameter_name=f"{parameter_path(environment)}/manifest",
            document=recovery_inventory(
                environment=environment,
                session_key=self.session_key,
                audit_key=self.audit_key,
                secret_key=self.secret_key,
            ),
        )


class RecoveryMonitoring(Construct):
    """The topic, the alarms on replicas and backup copies, and a dashboard."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, vault: backup.BackupVault
    ) -> None:
        super().__init__(scope, construct_id)
        name = partial(resource_name, environment=environment)
        self.topic = AlarmTopic(
            self,
            "Topic",
            name=name,
            email=environment.alarm_email,
            retain=environment.retains_data,
            levels=environment.alarm_targets and environment.alarm_targets.in_dr_region(),
        )
        replications = [
            ReplicationLagMonitoring(
                self,
                f"Replication-{what}",
                name=what,
                source_bucket=bucket_name(what, environment, environment.primary_region),
                destination_bucket=bucket_name(what, environment, environment.dr_region),
                topic=self.topic,
            )
            for what in REPLICATED
        ]
        role = role_arn(execution_role_name(environment, environment.dr_region), environment)
        KeyMonitoring(self, "Keys", topic=self.topic, deployment_role_arn=role)
        roles = delivery_roles(environment, environment.dr_region)
        ControlMonitoring(self, "Controls", topic=self.topic, delivery_roles=roles)
        copies = BackupCopyMonitoring(self, "BackupCopies", vault_name=vault.backup_vault_name, topic=self.topic)
        # The payment stack creates the replica. Replication back to the primary region matters after a failover.
        table = SessionTableMonitoring(
            self,
            "Sessions",
            table_name=name("sessions"),
            written=False,
            other_region=environment.primary_region,
            topic=self.topic,
        )
        watched: list[Monitored] = [*replications, table, copies]
        Dashboard(
            self,
            "Dashboard",
            name=name("recovery"),
            facts={"Environment": environment.name, "Region": environment.dr_region},
            alarms=[alarm for part in watched for alarm in part.alarms],
            rows=[part.widgets for part in watched],
        )


def recovery_inventory(
    *, environment: Environment, session_key: EncryptionKey, audit_key: EncryptionKey, secret_key: EncryptionKey
) -> dict[str, Any]:
    """The inventory for a failover: of the primary region, only names that are known without a call to it."""
    primary, recovery = environment.primary_region, environment.dr_region
    return {
        "environment": environment.name,
        "configuration": environment.as_document(),
        primary: {
            "service": resource_name("service", environment),
            "database": resource_name("database", environment),
            "session_table": resource_name("sessions", environment),
            "queue": resource_name("processing", environment),
            "audit_bucket": bucket_name("audit", environment, primary),
            "backup_vault": resource_name("backup", environment),
        },
        recovery: {
            "session_table": resource_name("sessions", environment),
            "session_key": session_key.key_arn,
            "session_policy": resource_name("recovery", environment),
            "audit_bucket": bucket_name("audit", environment, recovery),
            "audit_key": audit_key.key_arn,
            "access_log_bucket": bucket_name("access-logs", environment, recovery),
            "database_user": resource_name("database-user", environment),
            "database_user_key": secret_key.key_arn,
            "backup_vault": copy_vault_name(environment),
            "dashboard": resource_name("recovery", environment),
        },
    }
