"""Alarms on the CPU and memory of the payment service's tasks."""

from functools import partial

from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric
from payment_constructs.monitoring.dashboard import graph

MINUTES = 15
"""How long each minute's average must exceed the threshold.

Scaling has a target of 70 %, and so has production's alarm: they differ in time. Target tracking adds tasks after three
minutes above its target, and again after each cooldown of one minute, so some minutes above the threshold are normal.
15 minutes without a break mean that scaling did not help: the service runs its maximum of tasks or cannot start more.
A load around the threshold resets the alarm with its first minute below."""


class ServiceMonitoring(Construct):
    """Alarms on the average CPU and memory use of the service's tasks, in percent of what they reserve."""

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
        dimensions = {"ClusterName": cluster_name, "ServiceName": service_name}
        metric = partial(aws_metric, "AWS/ECS", dimensions, statistic="Average")
        # Without tasks there is no data: the alarm on healthy hosts covers that.
        alarm = partial(Alarm, self, topic=topic, datapoints=MINUTES, missing_data=NOT_BREACHING)
        cpu = alarm(
            "Cpu",
            metric=metric("CPUUtilization"),
            threshold=cpu_percent,
            description=f"CPU use has exceeded its threshold for {MINUTES} minutes, although the service scales.",
            runbook="service-cpu",
        )
        memory = alarm(
            "Memory",
            metric=metric("MemoryUtilization"),
            threshold=memory_percent,
            description=f"Memory use has exceeded its threshold for {MINUTES} minutes, although the service scales.",
            runbook="service-memory",
        )
        self.alarms = [cpu, memory]
        self.widgets = [
            graph("CPU", cpu.metric, alarms=[cpu], unit="%"),
            graph("Memory", memory.metric, alarms=[memory], unit="%"),
        ]
