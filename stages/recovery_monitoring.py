"""How an environment is watched in its DR region: what is replicated into it, which no alarm elsewhere can see."""

from functools import partial

from aws_cdk import aws_backup as backup
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.backup_monitoring import BackupCopyMonitoring
from payment_constructs.dashboard import Dashboard
from payment_constructs.monitored import Monitored
from payment_constructs.replication_monitoring import ReplicationLagMonitoring
from payment_constructs.session_table_monitoring import SessionTableMonitoring
from stages.environment import Environment
from stages.names import REPLICATED, bucket_name, resource_name


class RecoveryMonitoring(Construct):
    """The topic, the alarms on replicas and copies, and a dashboard.

    The dashboard shows no release: it would make every commit change this stack, and nothing else in it does.

    Args:
        environment: Whose replicas these are.
        vault: Where copies of backups arrive.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, vault: backup.BackupVault
    ) -> None:
        super().__init__(scope, construct_id)
        name = partial(resource_name, environment=environment)
        self.topic = AlarmTopic(
            self, "Topic", name=name, email=environment.alarm_email, retain=environment.retains_data
        )
        replications = [
            ReplicationLagMonitoring(
                self,
                f"Replication-{what}",
                what=what,
                source_bucket=bucket_name(what, environment, environment.primary_region),
                destination_bucket=bucket_name(what, environment, environment.dr_region),
                topic=self.topic,
            )
            for what in REPLICATED
        ]
        copies = BackupCopyMonitoring(self, "BackupCopies", vault_name=vault.backup_vault_name, topic=self.topic)
        # The replica is the payment stack's, by name: its way back is watched too, for after a failover.
        table = SessionTableMonitoring(
            self,
            "Sessions",
            table_name=name("sessions"),
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
