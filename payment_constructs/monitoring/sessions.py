"""Alarms on the session table, the same in each of its regions."""

from functools import partial

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import MINUTE, NOT_BREACHING, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph

OPERATIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
"""DynamoDB counts system errors per operation and has no total; these are the operations on sessions."""

REPLICATION_MILLISECONDS = 5000
"""Replicas usually follow within a second; after a failover sessions may be a minute old."""


class SessionTableMonitoring(Construct):
    """Alarms on throttled requests, DynamoDB's own errors, and replication to the other region.

    DynamoDB reports events only: no error is no data point. So metrics are filled with zeros, and missing data is never
    breaching.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, table_name: str, other_region: str, topic: AlarmTopic
    ) -> None:
        super().__init__(scope, construct_id)
        table = {"TableName": table_name}
        metric = partial(cloudwatch.Metric, namespace="AWS/DynamoDB", period=MINUTE)
        events = partial(metric, statistic="Sum", dimensions_map=table)
        alarm = partial(Alarm, self, topic=topic, missing_data=NOT_BREACHING)
        throttled = alarm(
            "Throttled",
            metric=cloudwatch.MathExpression(
                expression="FILL(reads, 0) + FILL(writes, 0)",
                using_metrics={
                    "reads": events(metric_name="ReadThrottleEvents"),
                    "writes": events(metric_name="WriteThrottleEvents"),
                },
                period=MINUTE,
                label="Throttled",
            ),
            threshold=0,
            datapoints=2,  # the SDK retries for some seconds; longer throttling reaches a customer
            periods=5,
            description="DynamoDB is refusing requests to the session table because they are too many.",
            runbook="sessions-throttled",
        )
        errors = alarm(
            "Errors",
            metric=cloudwatch.MathExpression(
                expression=" + ".join(f"FILL({operation.lower()}, 0)" for operation in OPERATIONS),
                using_metrics={
                    operation.lower(): events(
                        metric_name="SystemErrors", dimensions_map=table | {"Operation": operation}
                    )
                    for operation in OPERATIONS
                },
                period=MINUTE,
                label="Errors",
            ),
            threshold=0,
            datapoints=2,
            periods=5,
            description="DynamoDB is failing at the session table (HTTP 500).",
            runbook="sessions-errors",
        )
        replication = alarm(
            "Replication",
            # The region of the write reports it, by receiving region.
            metric=metric(
                metric_name="ReplicationLatency",
                dimensions_map=table | {"ReceivingRegion": other_region},
                statistic="Average",
            ),
            threshold=REPLICATION_MILLISECONDS,
            datapoints=5,
            description=f"Sessions take seconds to arrive in {other_region}.",
            runbook="sessions-replication",
        )
        self.alarms = [throttled, errors, replication]
        self.widgets = [
            graph("Sessions: throttled and failed requests", throttled.metric, errors.metric, unit="requests"),
            graph(f"Replication lag: sessions to {other_region}", replication.metric, alarms=[replication], unit="ms"),
        ]
