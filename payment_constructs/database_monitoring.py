"""What is watched of the database: each of its instances, and the cluster as one."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds
from constructs import Construct

from payment_constructs.alarm import Alarm
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.dashboard import graph
from payment_constructs.database_instance_monitoring import CPU_PERCENT, DatabaseInstanceMonitoring
from payment_constructs.database_memory import pauses
from payment_constructs.gate import Breach

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
