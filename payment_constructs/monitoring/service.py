"""What is watched of the service's tasks: whether scaling still keeps them below their levels."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from payment_constructs.monitoring.dashboard import graph

MINUTES = 15
"""How long a level must be exceeded without a break, by the mean of each minute.

Scaling aims at 70 % and production's level is 70 % too, so level and target differ in time. Target tracking adds tasks
after three minutes above its target, and again after each cooldown of one: crossing the line for some minutes is how it
works, and at rest it stays at or below. A quarter of an hour above without one minute's break means that it was asked
time and again and did not help: the service runs at its most tasks, or cannot start more. A load that hovers about the
line resets the alarm with its first minute below."""


class ServiceMonitoring(Construct):
    """Alarms on the mean CPU and memory of the service's tasks, above the environment's levels for 15 minutes on end.

    Args:
        cluster_name: The ECS cluster.
        service_name: The ECS service in it.
        cpu_percent: Mean CPU use, of what the tasks reserve.
        memory_percent: Mean memory use, of what the tasks reserve.
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_name: str,
        service_name: str,
        cpu_percent: float,
        memory_percent: float,
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        self._service = {"ClusterName": cluster_name, "ServiceName": service_name}
        cpu = self._exhausted("Cpu", "CPUUtilization", threshold=cpu_percent, runbook="service-cpu")
        memory = self._exhausted("Memory", "MemoryUtilization", threshold=memory_percent, runbook="service-memory")
        self.alarms = [cpu, memory]
        self.widgets = [
            graph("CPU", cpu.metric, alarms=[cpu], unit="%"),
            graph("Memory", memory.metric, alarms=[memory], unit="%"),
        ]

    def _exhausted(self, name: str, metric_name: str, *, threshold: float, runbook: str) -> Alarm:
        return Alarm(
            self,
            name,
            topic=self._topic,
            what=runbook,
            metric=cloudwatch.Metric(
                namespace="AWS/ECS",
                metric_name=metric_name,
                dimensions_map=self._service,
                statistic="Average",
                period=Duration.minutes(1),
            ),
            threshold=threshold,
            datapoints=MINUTES,
            # No task runs, then: the healthy hosts' alarm tells.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says=f"The service's {name} use stays above its level although it scales.",
            runbook=runbook,
        )
