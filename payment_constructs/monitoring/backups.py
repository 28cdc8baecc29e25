"""Alarms on AWS Backup: missing backups, failed backups and failed copies."""

from functools import partial

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import BELOW, BREACHING, NOT_BREACHING, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph

HOURS = 26
"""A day, and two hours for a daily backup that starts late or takes long."""

jobs = partial(cloudwatch.Metric, namespace="AWS/Backup", statistic="Sum", period=Duration.hours(1))


class BackupMonitoring(Construct):
    """Alarms on a vault that a daily plan backs up into and copies from."""

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        vault = {"BackupVaultName": vault_name}
        missing = Alarm(
            self,
            "Missing",
            topic=topic,
            metric=jobs(metric_name="NumberOfBackupJobsCompleted", dimensions_map=vault),
            threshold=1,
            comparison=BELOW,
            datapoints=HOURS,  # hourly, because no period is 26 hours long
            missing_data=BREACHING,  # no data point means that no backup completed
            description="No backup was completed in 26 hours.",
            runbook="backup-missing",
        )
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=jobs(metric_name="NumberOfBackupJobsFailed", dimensions_map=vault),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure; the alarm above covers a missing backup
            description="A backup of the database or the sessions failed.",
            runbook="backup-failed",
        )
        copies = BackupCopyMonitoring(self, "Copies", vault_name=vault_name, topic=topic)
        self.alarms = [missing, failed, *copies.alarms]
        self.widgets = [graph("Backups", missing.metric, failed.metric, unit="jobs"), *copies.widgets]


class BackupCopyMonitoring(Construct):
    """Alarm on failed copies from or to a vault.

    AWS does not document at which end it counts them, so both vaults have this alarm.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=jobs(metric_name="NumberOfCopyJobsFailed", dimensions_map={"BackupVaultName": vault_name}),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure
            description="A backup was not copied into the other region.",
            runbook="backup-copy-failed",
        )
        self.alarms = [failed]
        self.widgets = [graph("Backup copies: failed", failed.metric, unit="jobs")]
