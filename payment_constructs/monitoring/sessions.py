"""Alarms on the session table, the same in each of its regions."""

from functools import partial

from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric, metric_math
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
        replication = alarm(
            "Replication",
            # The region of the write reports it, by receiving region.
            metric=metric(table | {"ReceivingRegion": other_region}, "ReplicationLatency", statistic="Average"),
            threshold=REPLICATION_MILLISECONDS,
            datapoints=5,
            description=f"Replication of sessions to {other_region} takes more than five seconds.",
            runbook="sessions-replication",
        )
        self.alarms = [throttled, errors, replication]
        self.widgets = [
            graph("Sessions: throttled and failed requests", throttled.metric, errors.metric, unit="requests"),
            graph(f"Replication lag: sessions to {other_region}", replication.metric, alarms=[replication], unit="ms"),
        ]
