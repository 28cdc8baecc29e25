"""What stands in the DR region before anything is replicated into it."""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from payment_constructs.access_log_bucket import AccessLogBucket
from payment_constructs.acknowledgement import acknowledge
from payment_constructs.audit_bucket import AuditBucket
from payment_constructs.backup_vault import BackupVault
from payment_constructs.encryption_key import EncryptionKey
from payment_constructs.housekeeping_role import HousekeepingRole
from payment_constructs.manifest import Manifest
from payment_constructs.recovery_access import RecoveryAccess
from payment_constructs.recovery_parameters import RecoveryParameters
from payment_constructs.replication_role import ReplicationRole
from stages.environment import Environment
from stages.names import bucket_name, parameter_path, resource_name
from stages.recovery_inventory import recovery_inventory
from stages.recovery_monitoring import RecoveryMonitoring


class DisasterRecoveryStack(Stack):
    """The audit log's replica, the vault of copied backups and the keys of what is replicated; deployed first.

    What a fail-over needs to know stands here too, so that it asks nothing of a primary region that is gone.

    It holds also the two roles that act in both regions: IAM knows no regions, and the policies here must name them.

    Args:
        environment: Whose replica it is; it shares nothing with another environment.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment, **kwargs: Any) -> None:
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
        self.replication_role.may_write(self.access_logs)
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
        self.replication_role.may_write(self.audit_bucket, key=self.audit_key)
        acknowledge(
            self.audit_bucket,
            "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled",
            "PCI.DSS.321::PCI.DSS.321-S3BucketReplicationEnabled",
            control="It is the replica: the source in the primary region holds the same objects, versioned and locked.",
        )
        self.session_key = EncryptionKey(
            self, "SessionReplicaKey", purpose=f"Session table replica of {environment.name}", retain=retain
        )
        self.secret_key = EncryptionKey(
            self, "SecretReplicaKey", purpose=f"Database user replica of {environment.name}", retain=retain
        )
        self.backup_vault = BackupVault(self, "BackupVault", vault_name=resource_name("dr", environment), retain=retain)
        RecoveryMonitoring(self, "Monitoring", environment=environment, vault=self.backup_vault)
        self._publish(environment)
        if not retain:
            self.housekeeping_role.may_clear(self.backup_vault)
            self.housekeeping_role.may_empty(self.audit_bucket)
            self.housekeeping_role.may_empty(self.access_logs)

    def _publish(self, environment: Environment) -> None:
        """Says where everything is, and lets a service that is brought up here use the sessions."""
        session_table = resource_name("sessions", environment)
        RecoveryAccess(
            self,
            "RecoveryAccess",
            policy_name=resource_name("recovery", environment),
            session_table_name=session_table,
            session_key=self.session_key,
        )
        RecoveryParameters(
            self,
            "Parameters",
            path=parameter_path(environment),
            session_table_name=session_table,
            audit_bucket_name=self.audit_bucket.bucket_name,
            backup_vault_name=self.backup_vault.backup_vault_name,
            database_secret_name=resource_name("database-user", environment),
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
