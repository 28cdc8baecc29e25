"""Alarms on each Aurora instance and on the cluster."""

from functools import partial

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.database import Capacity, max_connections, memory_bytes, pauses
from payment_constructs.monitoring.alarm import BELOW, BREACHING, MINUTE, NOT_BREACHING, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.gate import Breach

CPU_PERCENT = 80
"""The same in all environments: the database does not scale by itself, so a fifth is kept for the time until an
engineer has acted, and for the connections after a failover."""

CONNECTIONS_SHARE = 0.7
"""Of the nominal maximum; about eight tenths of the real one, which is lower."""

FREE_MEMORY_SHARE = 0.05
"""Aurora gives three quarters of the memory to its page cache and needs the rest; with less it begins to swap."""

REPLICA_LAG_MILLISECONDS = 1000
"""Readers share the writer's storage and usually lag by far less than 100 ms."""

FIVE_MINUTES = Duration.minutes(5)


class DatabaseMonitoring(Construct):
    """Alarms on each instance, and on the cluster's replica lag and deadlocks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: rds.DatabaseCluster,
        instance_class: str,
        capacity: Capacity | None,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        instances = [
            DatabaseInstanceMonitoring(
                self,
                f"Instance{number}",
                identifier=identifier,
                number=number,
                instance_class=instance_class,
                capacity=capacity,
                topic=topic,
            )
            for number, identifier in enumerate(cluster.instance_identifiers, start=1)
        ]
        metric = partial(
            cloudwatch.Metric,
            namespace="AWS/RDS",
            dimensions_map={"DBClusterIdentifier": cluster.cluster_identifier},
            statistic="Maximum",
            period=MINUTE,
        )
        # The CPU alarms of the instances cover missing data, also of a reader that does not come back.
        alarm = partial(Alarm, self, topic=topic, missing_data=NOT_BREACHING)
        lag = alarm(
            "ReplicaLag",
            metric=metric(metric_name="AuroraReplicaLagMaximum"),
            threshold=REPLICA_LAG_MILLISECONDS,
            datapoints=5,
            description="A reader of the database has been behind the writer for five minutes.",
            runbook="database-replica-lag",
        )
        deadlocks = alarm(
            "Deadlocks",
            # Per second. PostgreSQL resolves a single deadlock and the client retries: only repeated ones matter.
            metric=metric(metric_name="Deadlocks", statistic="Average", period=FIVE_MINUTES),
            threshold=0,
            datapoints=3,
            description="Transactions have kept deadlocking each other for a quarter of an hour.",
            runbook="database-deadlocks",
        )
        self.alarms = [*(alarm for instance in instances for alarm in instance.alarms), lag, deadlocks]
        # A running cluster reports each minute whatever the traffic: not filled, so missing data stays missing. A
        # paused one may not report; then the gate relies on the healthy hosts, which count as zero without data.
        cpu = "FILL(database_cpu, 0)" if pauses(capacity) else "database_cpu"
        self.breaches = [
            Breach(condition=f"{cpu} > {CPU_PERCENT}", metrics={"database_cpu": metric(metric_name="CPUUtilization")})
        ]
        self.widgets = [
            graph("Database CPU", *(one.cpu.metric for one in instances), alarms=[instances[0].cpu], unit="%"),
            graph(
                "Database connections",
                *(one.connections.metric for one in instances),
                alarms=[instances[0].connections],
                unit="connections",
            ),
            graph("Replication lag: database readers", lag.metric, alarms=[lag], unit="ms"),
        ]


class DatabaseInstanceMonitoring(Construct):
    """Alarms on an instance's CPU, connections and memory; of a serverless one, relative to its maximum capacity.

    Alarms are named after the instance's number and not its role: a failover makes another instance the writer.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        identifier: str,
        number: int,
        instance_class: str,
        capacity: Capacity | None,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        metric = partial(
            cloudwatch.Metric,
            namespace="AWS/RDS",
            dimensions_map={"DBInstanceIdentifier": identifier},
            statistic="Average",
            period=FIVE_MINUTES,
        )
        alarm = partial(Alarm, self, topic=topic, datapoints=3)
        self.cpu = alarm(
            "Cpu",
            name=f"database-instance{number}-cpu",
            metric=metric(metric_name="CPUUtilization"),
            threshold=CPU_PERCENT,
            # A running instance reports each minute, so this alarm covers missing data; a paused one may not report.
            missing_data=NOT_BREACHING if pauses(capacity) else BREACHING,
            description="A database instance has had little CPU left for a quarter of an hour, or does not report.",
            runbook="database-cpu",
        )
        self.connections = alarm(
            "Connections",
            name=f"database-instance{number}-connections",
            metric=metric(metric_name="DatabaseConnections", statistic="Maximum", period=MINUTE),
            threshold=round(max_connections(instance_class, capacity=capacity) * CONNECTIONS_SHARE),
            periods=5,
            missing_data=NOT_BREACHING,  # covered by the CPU alarm
            description="A database instance is running out of connections.",
            runbook="database-connections",
        )
        free_memory = alarm(
            "FreeMemory",
            name=f"database-instance{number}-free-memory",
            metric=metric(metric_name="FreeableMemory"),
            threshold=round(memory_bytes(instance_class, capacity=capacity) * FREE_MEMORY_SHARE),
            comparison=BELOW,
            missing_data=NOT_BREACHING,  # covered by the CPU alarm
            description="A database instance is running out of memory.",
            runbook="database-free-memory",
        )
        self.alarms = [self.cpu, self.connections, free_memory]
