"""What is watched of the database: each of its instances, and the cluster as one."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.database import max_connections, memory_bytes, pauses
from payment_constructs.monitoring.alarm import BELOW, Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph
from payment_constructs.monitoring.gate import Breach

CPU_PERCENT = 80
"""One figure in all environments: the database does not scale by itself, so a fifth is kept for the time until somebody
has acted, and for the connections that a failover brings."""

CONNECTIONS_SHARE = 0.7
"""Of the nominal maximum: some eight tenths of the real one, which is lower."""

FREE_MEMORY_SHARE = 0.05
"""Aurora gives three quarters of the memory to its page cache and needs the rest; with less it begins to swap."""


class DatabaseInstanceMonitoring(Construct):
    """Alarms on an instance's CPU, connections and memory.

    Args:
        identifier: The instance.
        number: Its number, by which alarms are called: after a failover the writer is another one.
        instance_class: Such as ``db.r6g.large``.
        capacity: The least and the most ACUs of a serverless one; all figures, and its CPU, are of the most.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        identifier: str,
        number: int,
        instance_class: str,
        capacity: tuple[float, float] | None,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._instance = {"DBInstanceIdentifier": identifier}
        self.cpu = Alarm(
            self,
            "Cpu",
            topic=topic,
            what=f"database-instance{number}-cpu",
            metric=self._metric("CPUUtilization", minutes=5),
            threshold=CPU_PERCENT,
            datapoints=3,
            # An instance that runs reports each minute. Its silence is told here, and by none of its other alarms. One
            # that pauses is silent by right.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING
            if pauses(capacity)
            else cloudwatch.TreatMissingData.BREACHING,
            says="A database instance has had little CPU left for a quarter of an hour, or does not report.",
            runbook="database-cpu",
        )
        self.connections = Alarm(
            self,
            "Connections",
            topic=topic,
            what=f"database-instance{number}-connections",
            metric=self._metric("DatabaseConnections", statistic="Maximum"),
            threshold=round(max_connections(instance_class, capacity=capacity) * CONNECTIONS_SHARE),
            datapoints=3,
            periods=5,
            # Silence is the CPU alarm's.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A database instance is running out of connections.",
            runbook="database-connections",
        )
        self.free_memory = Alarm(
            self,
            "FreeMemory",
            topic=topic,
            what=f"database-instance{number}-free-memory",
            metric=self._metric("FreeableMemory", minutes=5),
            threshold=round(memory_bytes(instance_class, capacity=capacity) * FREE_MEMORY_SHARE),
            comparison=BELOW,
            datapoints=3,
            # Silence is the CPU alarm's.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A database instance is running out of memory.",
            runbook="database-free-memory",
        )
        self.alarms = [self.cpu, self.connections, self.free_memory]

    def _metric(self, name: str, *, minutes: int = 1, statistic: str = "Average") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map=self._instance,
            statistic=statistic,
            period=Duration.minutes(minutes),
        )


REPLICA_LAG_MILLISECONDS = 1000
"""Readers share the writer's storage: they are behind by far less than 100 ms as a rule."""


class DatabaseMonitoring(Construct):
    """Alarms on each instance, and on the cluster's replica lag and deadlocks.

    Args:
        cluster: The Aurora cluster.
        instance_class: The class of its instances, such as ``db.r6g.large``.
        capacity: The least and the most ACUs of serverless ones; all figures are of the most.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster: rds.DatabaseCluster,
        instance_class: str,
        capacity: tuple[float, float] | None,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._cluster = {"DBClusterIdentifier": cluster.cluster_identifier}
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
        lag = Alarm(
            self,
            "ReplicaLag",
            topic=topic,
            what="database-replica-lag",
            metric=self._metric("AuroraReplicaLagMaximum", statistic="Maximum"),
            threshold=REPLICA_LAG_MILLISECONDS,
            datapoints=5,
            # While a reader restarts nobody lags; one that stays away is silent, which its CPU alarm tells.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="A reader of the database has been behind the writer for five minutes.",
            runbook="database-replica-lag",
        )
        deadlocks = Alarm(
            self,
            "Deadlocks",
            topic=topic,
            what="database-deadlocks",
            # Per second, averaged. One deadlock is broken by PostgreSQL and tried again; here they keep coming.
            metric=self._metric("Deadlocks", minutes=5),
            threshold=0,
            datapoints=3,
            # Silence is the CPU alarms'.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="Transactions have kept deadlocking each other for a quarter of an hour.",
            runbook="database-deadlocks",
        )
        self.alarms = [*(alarm for instance in instances for alarm in instance.alarms), lag, deadlocks]
        # A cluster that runs reports each minute whatever the traffic: not filled, so silence stays missing. One that
        # pauses may be silent; then the hosts' silence, which counts as none, keeps the gate shut.
        cpu = "FILL(database_cpu, 0)" if pauses(capacity) else "database_cpu"
        self.breaches = [
            Breach(
                condition=f"{cpu} > {CPU_PERCENT}",
                metrics={"database_cpu": self._metric("CPUUtilization", statistic="Maximum")},
            )
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

    def _metric(self, name: str, *, minutes: int = 1, statistic: str = "Average") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map=self._cluster,
            statistic=statistic,
            period=Duration.minutes(minutes),
        )
