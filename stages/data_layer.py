"""Where an environment keeps what it knows: database, sessions, queue, audit log, and the backups of them."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from payment_constructs.access_log_bucket import AccessLogBucket
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.audit_log import AuditLog
from payment_constructs.backup_vault import BackupVault
from payment_constructs.backups import Backups
from payment_constructs.database import Database
from payment_constructs.database_user import DatabaseUser
from payment_constructs.housekeeping import Housekeeping
from payment_constructs.processing_queue import ProcessingQueue
from payment_constructs.session_table import SessionTable
from stages.disaster_recovery_stack import DisasterRecoveryStack
from stages.environment import Environment
from stages.names import bucket_name, resource_name


class DataLayer(Construct):
    """Everything that holds data, each with a key of its own, and the way of each into the DR region.

    Args:
        environment: What it is made of.
        recovery: Where the replicas and copies go.
        vpc: The network that the database stands in.
        housekeeping: Empties what a destroyable environment leaves.
        log_key: Encrypts logs.
        topic: Is told of failures.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        recovery: DisasterRecoveryStack,
        vpc: ec2.IVpc,
        housekeeping: Housekeeping,
        log_key: kms.IKey,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        retain = environment.retains_data
        self.database = Database(
            self,
            "Database",
            identifier=resource_name("database", environment),
            vpc=vpc,
            instance_class=environment.database_instance_class,
            capacity=environment.database_capacity,
            instances=environment.database_instances,
            log_key=log_key,
            retain=retain,
        )
        self.database_user = DatabaseUser(
            self,
            "DatabaseUser",
            secret_name=resource_name("database-user", environment),
            database=self.database,
            vpc=vpc,
            log_key=log_key,
            topic=topic,
            # Keys of the DR region come in by ARN: a grant on the construct itself would write into its stack's policy.
            replica_region=environment.dr_region,
            replica_key=kms.Key.from_key_arn(self, "SecretReplicaKey", recovery.secret_key.key_arn),
            retain=retain,
        )
        self.sessions = SessionTable(
            self,
            "Sessions",
            table_name=resource_name("sessions", environment),
            replica_region=environment.dr_region,
            replica_key=kms.Key.from_key_arn(self, "SessionReplicaKey", recovery.session_key.key_arn),
            retain=retain,
        )
        self.processing = ProcessingQueue(
            self,
            "Processing",
            queue_name=resource_name("processing", environment),
            dead_letter_queue_name=resource_name("processing-dlq", environment),
            retain=retain,
        )
        self.access_logs = AccessLogBucket(
            self,
            "AccessLogs",
            bucket_name=bucket_name("access-logs", environment, environment.primary_region),
            retain=retain,
            replica_bucket_name=bucket_name("access-logs", environment, environment.dr_region),
            replication_role=recovery.replication_role,
        )
        self.audit_log = AuditLog(
            self,
            "AuditLog",
            bucket_name=bucket_name("audit", environment, environment.primary_region),
            replica_bucket_name=bucket_name("audit", environment, environment.dr_region),
            replica_key=kms.Key.from_key_arn(self, "AuditReplicaKey", recovery.audit_key.key_arn),
            replication_role=recovery.replication_role,
            access_logs=self.access_logs,
            retain=retain,
        )
        self.vault = BackupVault(self, "BackupVault", vault_name=resource_name("backup", environment), retain=retain)
        backups = Backups(
            self,
            "Backups",
            plan_name=resource_name("backup", environment),
            vault=self.vault,
            copy_vault=recovery.backup_vault,
            resources=[self.database.cluster.cluster_arn, self.sessions.table.table_arn],
        )
        if not retain:
            housekeeping.empty_on_destroy("EmptyAuditLog", self.audit_log.bucket)
            housekeeping.empty_on_destroy("EmptyAccessLogs", self.access_logs)
            # This stack is destroyed before the one that holds these.
            housekeeping.empty_on_destroy("EmptyAuditReplica", recovery.audit_bucket)
            housekeeping.empty_on_destroy("EmptyReplicaAccessLogs", recovery.access_logs)
            housekeeping.clear_on_destroy("ClearBackups", self.vault, backups=backups)
            housekeeping.clear_on_destroy("ClearBackupCopies", recovery.backup_vault, backups=backups)
