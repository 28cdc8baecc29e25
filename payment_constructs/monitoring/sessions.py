"""Alarms on the session table, the same in each of its regions."""

from functools import partial

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric, metric_math
from payment_constructs.monitoring.dashboard import graph

OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
"""DynamoDB counts system errors per operation and has no total; these are the operations on sessions."""

WRITES = ("PutItem", "UpdateItem", "DeleteItem")

REPLICATION_MILLISECONDS = 5000
"""Replicas usually follow within a second; after a failover sessions may be a minute old."""

SILENT = 2 * REPLICATION_MILLISECONDS
"""In place of a latency that is not reported."""


class SessionTableMonitoring(Construct):
    """Alarms on throttled requests, DynamoDB's own errors, and replication to the other region.

    DynamoDB reports events only: no error is no data point. So metrics are filled with zeros, and missing data is never
    breaching. Metric math also avoids a contradiction of AWS's pages: alarms on metrics of DynamoDB "always ignore"
    missing data, or do so by default.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table_name: str,
        written: bool,  # by the service, in this region
        other_region: str,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        table = {"TableName": table_name}
        metric = partial(aws_metric, "AWS/DynamoDB")
        alarm = partial(Alarm, self, topic=topic, missing_data=NOT_BREACHING)
        throttled = alarm(
            "Throttled",
            metric=metric_math(
                "Throttled",
                "FILL(reads, 0) + FILL(writes, 0)",
                {"reads": metric(table, "ReadThrottleEvents"), "writes": metric(table, "WriteThrottleEvents")},
            ),
            threshold=0,
            datapoints=2,  # the SDK retries for some seconds; longer throttling reaches a customer
            periods=5,
            description="DynamoDB throttles requests to the session table.",
            runbook="sessions-throttled",
        )
        errors = alarm(
            "Errors",
            metric=metric_math(
                "Errors",
                " + ".join(f"FILL({operation.lower()}, 0)" for operation in OPERATIONS),
                {
                    operation.lower(): metric(table | {"Operation": operation}, "SystemErrors")
                    for operation in OPERATIONS
                },
            ),
            threshold=0,
            datapoints=2,
            periods=5,
            description="DynamoDB returns server errors (HTTP 500) for the session table.",
            runbook="sessions-errors",
        )
        period = Duration.minutes(5)
        # The region of the write reports it, by receiving region, once the item is in the replica: replication that
        # has stopped reports nothing, although there are writes.
        latency = metric(
            table | {"ReceivingRegion": other_region}, "ReplicationLatency", statistic="Average", period=period
        )
        writes: dict[str, cloudwatch.IMetric] = {
            operation.lower(): metric(
                table | {"Operation": operation}, "SuccessfulRequestLatency", statistic="SampleCount", period=period
            )
            for operation in WRITES
        }
        written_now = " + ".join(f"FILL({name}, 0)" for name in writes)
        # Only where the service writes: AWS does not document whether a replica counts replicated writes as its own.
        metrics: dict[str, cloudwatch.IMetric] = {"latency": latency}
        lag = "FILL(latency, 0)"
        if written:
            metrics |= writes
            lag = f"IF({written_now} > 0, FILL(latency, {SILENT}), {lag})"
        replication = alarm(
            "Replication",
            metric=metric_math("Replication lag", lag, metrics, period=period),
            threshold=REPLICATION_MILLISECONDS,
            datapoints=2,
            description=f"Replication of sessions to {other_region} takes more than five seconds, or has stopped.",
            runbook="sessions-replication",
        )
        self.alarms = [throttled, errors, replication]
        self.widgets = [
            graph("Sessions: throttled and failed requests", throttled.metric, errors.metric, unit="requests"),
            graph(f"Replication lag: sessions to {other_region}", latency, alarms=[replication], unit="ms"),
        ]
