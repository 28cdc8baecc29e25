"""What is watched of a bucket's replication: failures where it starts, the lag where it ends.

S3 publishes OperationsFailedReplication in the source bucket's region, and ReplicationLatency, BytesPendingReplication
and OperationsPendingReplication in the destination's; no alarm looks into another region.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.replication import MINUTES, RULE

PERIOD = Duration.minutes(5)


class ReplicationFailureMonitoring(Construct):
    """The alarm on objects that S3 gave up replicating; it stands in the source bucket's region.

    A dashboard, other than an alarm, sees every region: it shows the lag from here.

    Args:
        what: What the bucket holds, such as ``audit``; the alarm is called after it.
        source_bucket: The bucket that is replicated.
        destination_bucket: Its replica.
        destination_region: Where the replica is.
        topic: Where the alarm is told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        what: str,
        source_bucket: str,
        destination_bucket: str,
        destination_region: str,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            what=f"{what}-replication-failed",
            metric=_metric("OperationsFailedReplication", source_bucket, destination_bucket, statistic="Sum"),
            threshold=0,
            datapoints=1,
            # Published only while something is replicated.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says=f"S3 gave up replicating something of the bucket {source_bucket}, and will not try again.",
            runbook="replication-failed",
        )
        latency = _metric(
            "ReplicationLatency", source_bucket, destination_bucket, statistic="Maximum", region=destination_region
        )
        self.alarms = [failed]
        self.widgets = [
            graph(f"Replication lag: {what}", latency, unit="s"),
            graph(f"Failed replications: {what}", failed.metric, unit="operations"),
        ]


class ReplicationLagMonitoring(Construct):
    """The alarm on a replica that is behind; it stands in the destination bucket's region.

    Args:
        what: What the bucket holds, such as ``audit``; the alarm is called after it.
        source_bucket: The bucket that is replicated.
        destination_bucket: Its replica.
        topic: Where the alarm is told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        what: str,
        source_bucket: str,
        destination_bucket: str,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        late = Alarm(
            self,
            "Late",
            topic=topic,
            what=f"{what}-replication-late",
            metric=_metric("ReplicationLatency", source_bucket, destination_bucket, statistic="Maximum"),
            threshold=MINUTES * 60,
            datapoints=3,
            # Published even while nothing is replicated, until the destination is gone: silence is no replication.
            missing=cloudwatch.TreatMissingData.BREACHING,
            says=f"The bucket {destination_bucket} is more than 15 minutes behind, or nothing replicates into it.",
            runbook="replication-late",
        )
        pending = _metric("OperationsPendingReplication", source_bucket, destination_bucket, statistic="Maximum")
        self.alarms = [late]
        self.widgets = [
            graph(f"Replication lag: {what}", late.metric, alarms=[late], unit="s"),
            graph(f"Waiting to be replicated: {what}", pending, unit="operations"),
        ]


def _metric(
    name: str, source_bucket: str, destination_bucket: str, *, statistic: str, region: str | None = None
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/S3",
        metric_name=name,
        dimensions_map={"SourceBucket": source_bucket, "DestinationBucket": destination_bucket, "RuleId": RULE},
        statistic=statistic,
        period=PERIOD,
        region=region,
    )
