"""Alarms on S3 replication: failures in the source bucket's region, lag in the destination bucket's region.

S3 publishes OperationsFailedReplication in the source bucket's region, and ReplicationLatency, BytesPendingReplication
and OperationsPendingReplication in the destination's; an alarm reads metrics of its own region only.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
"""

from functools import partial

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import BREACHING, NOT_BREACHING, Alarm, AlarmTopic, aws_metric
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.replication import MINUTES, RULE


def _metric_of(source_bucket: str, destination_bucket: str) -> partial[cloudwatch.Metric]:
    dimensions = {"SourceBucket": source_bucket, "DestinationBucket": destination_bucket, "RuleId": RULE}
    return partial(aws_metric, "AWS/S3", dimensions, statistic="Maximum", period=Duration.minutes(5))


class ReplicationFailureMonitoring(Construct):
    """Alarm on objects that S3 failed to replicate, in the source bucket's region.

    Unlike alarms, dashboards read metrics of every region: this one shows the lag too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        source_bucket: str,
        destination_bucket: str,
        destination_region: str,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        metric = _metric_of(source_bucket, destination_bucket)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            name=f"{name}-replication-failed",
            metric=metric("OperationsFailedReplication", statistic="Sum"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # published only while something is replicated
            description=f"S3 failed to replicate an operation on the bucket {source_bucket} and does not retry it.",
            runbook="replication-failed",
        )
        latency = metric("ReplicationLatency").with_(region=destination_region)
        self.alarms = [failed]
        self.widgets = [
            graph(f"Replication lag: {name}", latency, unit="s"),
            graph(f"Failed replications: {name}", failed.metric, unit="operations"),
        ]


class ReplicationLagMonitoring(Construct):
    """Alarm on a replica that lags, in the destination bucket's region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        source_bucket: str,
        destination_bucket: str,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        metric = _metric_of(source_bucket, destination_bucket)
        late = Alarm(
            self,
            "Late",
            topic=topic,
            name=f"{name}-replication-late",
            metric=metric("ReplicationLatency"),
            threshold=MINUTES * 60,
            datapoints=3,
            missing_data=BREACHING,  # published while idle too, and no longer once the destination is gone
            description=(
                f"Replication to the bucket {destination_bucket} is more than 15 minutes late, or has stopped."
            ),
            runbook="replication-late",
        )
        pending = metric("OperationsPendingReplication")
        self.alarms = [late]
        self.widgets = [
            graph(f"Replication lag: {name}", late.metric, alarms=[late], unit="s"),
            graph(f"Waiting to be replicated: {name}", pending, unit="operations"),
        ]
