"""What is watched of the session table, in each of its regions alike."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph

OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
"""DynamoDB counts its errors by operation and has no total: those that a session is read and written with."""

MINUTE = Duration.minutes(1)

REPLICATION_MILLISECONDS = 5000
"""Replicas follow within a second as a rule; sessions may be a minute old after a failover."""


class SessionTableMonitoring(Construct):
    """Alarms on throttled requests, DynamoDB's own errors, and the way of a write into the other region.

    DynamoDB reports what happens and nothing else: no error is no data point. So everything is filled with zeros, and
    nothing missing is breaching.

    Args:
        table_name: The name in this region.
        other_region: Where writes of this region are replicated to.
        topic: Where alarms are told.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, table_name: str, other_region: str, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        table = {"TableName": table_name}
        throttled = Alarm(
            self,
            "Throttled",
            topic=topic,
            what="sessions-throttled",
            metric=cloudwatch.MathExpression(
                expression="FILL(reads, 0) + FILL(writes, 0)",
                using_metrics={
                    "reads": _metric("ReadThrottleEvents", table),
                    "writes": _metric("WriteThrottleEvents", table),
                },
                period=MINUTE,
                label="Throttled",
            ),
            threshold=0,
            # The SDK tries again for some seconds; what goes on for longer reaches a customer.
            datapoints=2,
            periods=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="DynamoDB is refusing requests to the session table because they are too many.",
            runbook="sessions-throttled",
        )
        errors = Alarm(
            self,
            "Errors",
            topic=topic,
            what="sessions-errors",
            metric=cloudwatch.MathExpression(
                expression=" + ".join(f"FILL({operation.lower()}, 0)" for operation in OPERATIONS),
                using_metrics={
                    operation.lower(): _metric("SystemErrors", table | {"Operation": operation})
                    for operation in OPERATIONS
                },
                period=MINUTE,
                label="Errors",
            ),
            threshold=0,
            datapoints=2,
            periods=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="DynamoDB is failing at the session table (HTTP 500).",
            runbook="sessions-errors",
        )
        latency = Alarm(
            self,
            "Replication",
            topic=topic,
            what="sessions-replication",
            # Reported where the write is made, for the region that it goes to.
            metric=_metric("ReplicationLatency", table | {"ReceivingRegion": other_region}, statistic="Average"),
            threshold=REPLICATION_MILLISECONDS,
            datapoints=5,
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says=f"Sessions take seconds to arrive in {other_region}.",
            runbook="sessions-replication",
        )
        self.alarms = [throttled, errors, latency]
        self.widgets = [
            graph("Sessions: throttled and failed requests", throttled.metric, errors.metric, unit="requests"),
            graph(f"Replication lag: sessions to {other_region}", latency.metric, alarms=[latency], unit="ms"),
        ]


def _metric(name: str, dimensions: dict[str, str], *, statistic: str = "Sum") -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=name,
        dimensions_map=dimensions,
        statistic=statistic,
        period=MINUTE,
    )
