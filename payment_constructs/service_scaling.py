"""How many tasks of the service run: as many as processor, memory and queue ask for, within the settings."""

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

COOLDOWN = Duration.seconds(60)
QUEUED_MESSAGES = 100
"""Waiting messages that the service is sized for; above it grows."""


class ServiceScaling(Construct):
    """Target tracking on CPU (70 %), memory (70 %) and the queue's depth; the largest of the three wishes counts.

    Args:
        service: What is scaled.
        queue: What it works off.
        min_tasks: How many tasks run at least.
        max_tasks: How many run at most.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: ecs.FargateService,
        queue: sqs.IQueue,
        min_tasks: int,
        max_tasks: int,
    ) -> None:
        super().__init__(scope, construct_id)
        tasks = service.auto_scale_task_count(min_capacity=min_tasks, max_capacity=max_tasks)
        tasks.scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=70, scale_in_cooldown=COOLDOWN, scale_out_cooldown=COOLDOWN
        )
        tasks.scale_on_memory_utilization(
            "Memory", target_utilization_percent=70, scale_in_cooldown=COOLDOWN, scale_out_cooldown=COOLDOWN
        )
        tasks.scale_to_track_custom_metric(
            "QueueDepth",
            metric=queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
            target_value=QUEUED_MESSAGES,
            scale_in_cooldown=COOLDOWN,
            scale_out_cooldown=COOLDOWN,
        )
