"""Alarms on AWS Backup: missing and failed backups, missing and failed copies.

A heartbeat is per store, because one backup or copy of two is not enough. AWS documents the dimensions, resource type
and vault name, and that the vault of a copy job is its destination. It documents neither whether each dimension is also
reported alone, nor which region reports a copy. So failures are counted in both forms and in both regions, and a
heartbeat that looked at the wrong one would be on, not quiet.
https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html
"""

from functools import partial

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import (
    BELOW,
    BREACHING,
    NOT_BREACHING,
    Alarm,
    AlarmTopic,
    aws_metric,
    metric_math,
)
from payment_constructs.monitoring.dashboard import graph

HOUR = Duration.hours(1)
HOURS = 26
"""A day, and two hours for a daily backup that starts late or takes long."""

STORES = {"Aurora": ("", "", "the database"), "DynamoDB": ("Sessions", "-sessions", "the session table")}
"""The resource types of the plan's stores, the ending of their alarms' ids and of their names, and what they are."""

UNFINISHED = ("Failed", "Expired", "Aborted")
"""The states in which a backup job ends without a backup; Expired did not start in time."""


class BackupMonitoring(Construct):
    """Alarms on a vault that a daily plan backs up into, and on the copies into the vault of the DR region."""

    def __init__(
        self, scope: Construct, construct_id: str, *, vault_name: str, copy_vault_name: str, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        heartbeat = partial(
            Alarm,
            self,
            topic=topic,
            threshold=1,
            comparison=BELOW,
            datapoints=HOURS,  # hourly, because no period is 26 hours long
            missing_data=BREACHING,  # no data point means that no job completed
        )
        self.alarms: list[Alarm] = []
        for kind, (suffix, ending, store) in STORES.items():
            jobs, copies = (
                partial(aws_metric, "AWS/Backup", {"BackupVaultName": vault, "ResourceType": kind}, period=HOUR)
                for vault in (vault_name, copy_vault_name)
            )
            self.alarms += [
                heartbeat(
                    f"Missing{suffix}",
                    name=f"backup-missing{ending}",
                    metric=jobs("NumberOfBackupJobsCompleted"),
                    description=f"No backup of {store} completed in the last {HOURS} hours.",
                    runbook="backup-missing",
                ),
                heartbeat(
                    f"CopyMissing{suffix}",
                    name=f"backup-copy-missing{ending}",
                    metric=copies("NumberOfCopyJobsCompleted"),
                    description=f"No backup of {store} was copied to the other region in the last {HOURS} hours.",
                    runbook="backup-copy-missing",
                ),
            ]
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=_count(vault_name, *(f"NumberOfBackupJobs{state}" for state in UNFINISHED)),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure; the alarms above cover a missing backup
            description="A backup of the database or the session table failed, did not start, or was cancelled.",
            runbook="backup-failed",
        )
        failed_copies = BackupCopyMonitoring(self, "Copies", vault_name=copy_vault_name, topic=topic)
        self.widgets = [
            graph("Backups", *(alarm.metric for alarm in self.alarms), failed.metric, unit="jobs"),
            *failed_copies.widgets,
        ]
        self.alarms += [failed, *failed_copies.alarms]


class BackupCopyMonitoring(Construct):
    """Alarm on failed copies into a vault, in each region."""

    def __init__(self, scope: Construct, construct_id: str, *, vault_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=_count(vault_name, "NumberOfCopyJobsFailed"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no job, no failure
            description="A copy of a backup to the other region failed.",
            runbook="backup-copy-failed",
        )
        self.alarms = [failed]
        self.widgets = [graph("Backup copies: failed", failed.metric, unit="jobs")]


def _count(vault_name: str, *names: str) -> cloudwatch.MathExpression:
    """The sum of metrics with the vault alone and with each resource type; a job in both is counted twice."""
    metrics: dict[str, cloudwatch.IMetric] = {}
    for name in names:
        for kind in ("", *STORES):
            dimensions = {"BackupVaultName": vault_name} | ({"ResourceType": kind} if kind else {})
            metrics[f"jobs{len(metrics)}"] = aws_metric("AWS/Backup", dimensions, name, period=HOUR)
    return metric_math("Jobs", " + ".join(f"FILL({each}, 0)" for each in metrics), metrics, period=HOUR)
