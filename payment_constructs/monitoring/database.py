"""Alarms on each Aurora instance and on the cluster."""

from collections.abc import Callable
from functools import partial
from itertools import chain

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from payment_constructs.database import Database, local_storage_bytes, max_connections, memory_bytes, pauses
from payment_constructs.monitoring.alarm import BELOW, BREACHING, NOT_BREACHING, Alarm, AlarmTopic, aws_metric
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.gate import Gate
from payment_constructs.monitoring.notification import Notification

CPU_PERCENT = 80
"""The same in all environments: the database does not scale by itself, so a fifth is kept for the time until an
engineer has acted, and for the connections after a failover."""

CONNECTIONS_SHARE = 0.7
"""Of the nominal maximum; about eight tenths of the real one, which is lower."""

FREE_MEMORY_SHARE = 0.05
"""Aurora gives three quarters of the memory to its page cache and needs the rest; with less it begins to swap."""

FREE_LOCAL_STORAGE_SHARE = 0.2
"""For temporary files and logs. At its end queries that sort on disk fail, and the instance may restart."""

TRANSACTION_IDS = 1_000_000_000
"""The age that AWS recommends to be notified of. Vacuum freezes at 200 million by default; at two billion PostgreSQL
refuses writes. https://aws.amazon.com/blogs/database/implement-an-early-warning-system-for-transaction-id-wraparound-in-amazon-rds-for-postgresql/
"""

REPLICA_LAG_MILLISECONDS = 1000
"""Readers share the writer's storage and usually lag by far less than 100 ms."""

FIVE_MINUTES = Duration.minutes(5)


class DatabaseMonitoring(Construct):
    """Alarms on each instance and on the cluster, and a notification of failovers."""

    def __init__(self, scope: Construct, construct_id: str, *, database: Database, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        cluster = database.cluster
        metric = partial(aws_metric, "AWS/RDS", {"DBClusterIdentifier": cluster.cluster_identifier})
        instances = [
            _instance_alarms(
                Construct(self, f"Instance{number}"),
                name=f"database-instance{number}",
                metric=partial(aws_metric, "AWS/RDS", {"DBInstanceIdentifier": identifier}),
                database=database,
                topic=topic,
            )
            for number, identifier in enumerate(cluster.instance_identifiers, start=1)
        ]
        cpu, connections, *_ = zip(*instances, strict=True)
        # The CPU alarms of the instances cover missing data, also of a reader that does not come back.
        alarm = partial(Alarm, self, topic=topic, missing_data=NOT_BREACHING)
        lag = alarm(
            "ReplicaLag",
            metric=metric("AuroraReplicaLagMaximum", statistic="Maximum"),
            threshold=REPLICA_LAG_MILLISECONDS,
            datapoints=5,
            description="A database reader has lagged behind the writer for five minutes.",
            runbook="database-replica-lag",
        )
        deadlocks = alarm(
            "Deadlocks",
            # Per second. PostgreSQL resolves a single deadlock and the client retries: only repeated ones matter.
            metric=metric("Deadlocks", statistic="Average", period=FIVE_MINUTES),
            threshold=0,
            datapoints=3,
            description="Database transactions have repeatedly deadlocked for 15 minutes.",
            runbook="database-deadlocks",
        )
        transaction_ids = alarm(
            "TransactionIds",
            metric=metric("MaximumUsedTransactionIDs", statistic="Maximum", period=FIVE_MINUTES),
            threshold=TRANSACTION_IDS,
            datapoints=1,  # it only rises until a vacuum succeeds
            description="Vacuum does not free transaction ids: the database will refuse writes when none is left.",
            runbook="database-transaction-ids",
        )
        self.alarms = [*chain.from_iterable(instances), lag, deadlocks, transaction_ids]
        Notification(
            self,
            "Failover",
            topic=topic,
            # All of the category: started (0072, 0073), completed (0071), failed (0069) and reverted (0070).
            # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
            sources=["aws.rds"],
            detail_types=["RDS DB Cluster Event"],
            detail={"EventCategories": ["failover"], "SourceArn": [cluster.cluster_arn]},
            text=(
                f"{cluster.cluster_identifier}: {events.EventField.from_path('$.detail.Message')} "
                f"({events.EventField.from_path('$.detail.EventID')}). docs/operations.md#database-failover"
            ),
        )
        gate = Gate(
            self,
            "Gate",
            topic=topic,
            name="gate-database",
            metric=metric("CPUUtilization", statistic="Maximum"),
            threshold=CPU_PERCENT,
            # A running cluster reports each minute whatever the traffic. A paused one may not report.
            missing_data=NOT_BREACHING if pauses(database.capacity) else BREACHING,
            fault="the database has high CPU use, or does not report metrics",
        )
        # Created after the database: without its metrics this alarm would fail the first delivery.
        gate.node.add_dependency(cluster)
        self.gates = [gate]
        self.widgets = [
            graph("Database CPU", *(alarm.metric for alarm in cpu), alarms=cpu[:1], unit="%"),
            graph(
                "Database connections",
                *(alarm.metric for alarm in connections),
                alarms=connections[:1],
                unit="connections",
            ),
            graph("Replication lag: database readers", lag.metric, alarms=[lag], unit="ms"),
        ]


def _instance_alarms(
    scope: Construct,
    *,
    name: str,
    metric: Callable[..., cloudwatch.Metric],
    database: Database,
    topic: AlarmTopic,
) -> tuple[Alarm, Alarm, Alarm, Alarm]:
    """On CPU, connections, memory and local storage; a serverless instance reports relative to its maximum capacity.

    Named after the instance's number and not its role: a failover makes another instance the writer.
    """
    instance_class, capacity = database.instance_class, database.capacity
    alarm = partial(Alarm, scope, topic=topic, datapoints=3)
    cpu = alarm(
        "Cpu",
        name=f"{name}-cpu",
        metric=metric("CPUUtilization", statistic="Average", period=FIVE_MINUTES),
        threshold=CPU_PERCENT,
        # A running instance reports each minute, so this alarm covers missing data; a paused one may not report.
        missing_data=NOT_BREACHING if pauses(capacity) else BREACHING,
        description="A database instance has had high CPU use for 15 minutes, or does not report metrics.",
        runbook="database-cpu",
    )
    connections = alarm(
        "Connections",
        name=f"{name}-connections",
        metric=metric("DatabaseConnections", statistic="Maximum"),
        threshold=round(max_connections(instance_class, capacity=capacity) * CONNECTIONS_SHARE),
        periods=5,
        missing_data=NOT_BREACHING,  # covered by the CPU alarm
        description="A database instance is running out of connections.",
        runbook="database-connections",
    )
    memory = alarm(
        "FreeMemory",
        name=f"{name}-free-memory",
        metric=metric("FreeableMemory", statistic="Average", period=FIVE_MINUTES),
        threshold=round(memory_bytes(instance_class, capacity=capacity) * FREE_MEMORY_SHARE),
        comparison=BELOW,
        missing_data=NOT_BREACHING,  # covered by the CPU alarm
        description="A database instance is running out of memory.",
        runbook="database-free-memory",
    )
    storage = alarm(
        "FreeLocalStorage",
        name=f"{name}-local-storage",
        metric=metric("FreeLocalStorage", statistic="Minimum", period=FIVE_MINUTES),
        threshold=round(local_storage_bytes(instance_class, capacity=capacity) * FREE_LOCAL_STORAGE_SHARE),
        comparison=BELOW,
        missing_data=NOT_BREACHING,  # covered by the CPU alarm
        description="A database instance is running out of local storage for temporary files and logs.",
        runbook="database-local-storage",
    )
    return cpu, connections, memory, storage
