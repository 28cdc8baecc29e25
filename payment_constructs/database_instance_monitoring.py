"""What is watched of one instance of the database, writer or reader."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.alarm import BELOW, Alarm
from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.database_memory import max_connections, memory_bytes, pauses

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
