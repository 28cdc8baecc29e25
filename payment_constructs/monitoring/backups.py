"""What is watched of the backups: that they are made, that none fails, and that their copies arrive."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import BELOW, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph

PERIOD = Duration.hours(1)

HOURS = 26
"""A day and the two hours in which a daily backup may start late and take its time."""


class BackupMonitoring(Construct):
    """Alarms on a vault that a daily plan backs up into, and copies out of.

    Args:
        vault_name: The vault's name; vaults of an account may share a topic by distinct names of their own.
        topic: Where alarms are told.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        completed = Alarm(
            self,
            "Missing",
            topic=topic,
            what="backup-missing",
            metric=_metric("NumberOfBackupJobsCompleted", vault_name),
            threshold=1,
            comparison=BELOW,
            # Hour by hour, because no period is 26 hours long.
            datapoints=HOURS,
            # No job is no data point: silence is a backup that was not made.
            missing=cloudwatch.TreatMissingData.BREACHING,
            says="No backup was completed in 26 hours.",
            runbook="backup-missing",
        )
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            what="backup-failed",
            metric=_metric("NumberOfBackupJobsFailed", vault_name),
            threshold=0,
            datapoints=1,
            # No job is no failure; that there is none is the other alarm's.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A backup of the database or the sessions failed.",
            runbook="backup-failed",
        )
        copy = BackupCopyMonitoring(self, "Copies", vault_name=vault_name, topic=topic)
        self.alarms = [completed, failed, *copy.alarms]
        self.widgets = [graph("Backups", completed.metric, failed.metric, unit="jobs"), *copy.widgets]


class BackupCopyMonitoring(Construct):
    """The alarm on copies that failed, for the vault at either end.

    AWS does not say at which end it counts them, so that both are watched.

    Args:
        vault_name: The vault that copies leave or reach.
        topic: Where alarms are told.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            what="backup-copy-failed",
            metric=_metric("NumberOfCopyJobsFailed", vault_name),
            threshold=0,
            datapoints=1,
            # No job is no failure.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A backup was not copied into the other region.",
            runbook="backup-copy-failed",
        )
        self.alarms = [failed]
        self.widgets = [graph("Backup copies: failed", failed.metric, unit="jobs")]


def _metric(name: str, vault_name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Backup",
        metric_name=name,
        dimensions_map={"BackupVaultName": vault_name},
        statistic="Sum",
        period=PERIOD,
    )
