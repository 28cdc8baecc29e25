"""Alarms on AWS Backup: missing backups, failed backups and failed copies."""

from functools import partial

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import BELOW, BREACHING, NOT_BREACHING, Alarm, AlarmTopic, aws_metric
from payment_constructs.monitoring.dashboard import graph

HOURS = 26
"""A day, and two hours for a daily backup that starts late or takes long."""


class BackupMonitoring(Construct):
    """Alarms on a vault that a daily plan backs up into and copies from."""

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        jobs = partial(aws_metric, "AWS/Backup", {"BackupVaultName": vault_name}, period=Duration.hours(1))
        missing = Alarm(
            self,
            "Missing",
            topic=topic,
            metric=jobs("NumberOfBackupJobsCompleted"),
            threshold=1,
            comparison=BELOW,
            datapoints=HOURS,  # hourly, because no period is 26 hours long
            missing_data=BREACHING,  # no data point means that no backup completed
            description="No backup completed in the last 26 hours.",
            runbook="backup-missing",
        )
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=jobs("NumberOfBackupJobsFailed"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure; the alarm above covers a missing backup
            description="A backup of the database or the session table failed.",
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
        jobs = partial(aws_metric, "AWS/Backup", {"BackupVaultName": vault_name}, period=Duration.hours(1))
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=jobs("NumberOfCopyJobsFailed"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure
            description="A copy of a backup to the other region failed.",
            runbook="backup-copy-failed",
        )
        self.alarms = [failed]
        self.widgets = [graph("Backup copies: failed", failed.metric, unit="jobs")]
