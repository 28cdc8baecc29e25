"""Alarms and events of the service's deployments: the alarm that rolls one back, and what reports one that hangs."""

from collections.abc import Sequence
from functools import partial

from aws_cdk import Stack
from aws_cdk import aws_events as events
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric
from payment_constructs.monitoring.gate import Breach, any_breach
from payment_constructs.monitoring.notification import Notification

DEPLOYMENT_ALARM = "deployment"
"""The part's name of the alarm that ECS watches during a deployment."""

START_MINUTES = 20
"""For tasks to start and stop around the steps of a canary, or to replace each other without one."""


class DeploymentMonitoring(Construct):
    """The alarm that rolls a deployment back, the alarm on one that does not end, and a notification of one that fails.

    ECS ignores its alarms during a deployment that starts while one is on. So it does not watch the gate, which is on
    until the first tasks are healthy and while a database is slow, but an alarm on what a release can break:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,  # of the cluster and the service: the service depends on the alarm, so no alarm may depend on it
        breaches: Sequence[Breach],  # by which a deployment is rolled back; every metric filled
        canary_minutes: int,  # 0 without one
        topic: AlarmTopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.rollback = Alarm(
            self,
            "Rollback",
            topic=topic,
            name=DEPLOYMENT_ALARM,
            metric=any_breach(breaches),
            threshold=0,
            datapoints=3,
            periods=5,
            missing_data=NOT_BREACHING,  # before the first task and the first request there is nothing to roll back
            description="The service fails: ECS rolls a running deployment back, and none should start now.",
            runbook="deployment",
        )
        metric = partial(
            aws_metric, "ECS/ContainerInsights", {"ClusterName": name, "ServiceName": name}, statistic="Maximum"
        )
        deployments = {"deployments": metric("DeploymentCount")}
        tasks = {"running": metric("RunningTaskCount"), "desired": metric("DesiredTaskCount")}
        minutes = canary_minutes + START_MINUTES
        self.alarms = [
            self.rollback,
            Alarm(
                self,
                "Late",
                topic=topic,
                # AWS documents both metrics, but not whether the revisions of a canary count as deployments. The tasks
                # of two revisions are more than the desired ones in any case. A task that ends at once may be in
                # neither: the event below reports it.
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
                metric=any_breach(
                    [
                        Breach(condition="FILL(deployments, 0) > 1", metrics=deployments),
                        Breach(condition="FILL(running, 0) > FILL(desired, 0)", metrics=tasks),
                    ]
                ),
                threshold=0,
                datapoints=minutes,
                missing_data=NOT_BREACHING,  # without a service nothing is reported
                description="A deployment of the service takes longer than its steps and the start of its tasks.",
                runbook="deployment-late",
            ),
        ]
        service = Stack.of(self).format_arn(service="ecs", resource="service", resource_name=f"{name}/{name}")
        text = (
            f"{name}: {events.EventField.from_path('$.detail.eventName')}. Runbook: docs/operations.md#deployment-late"
        )
        Notification(
            self,
            "Failed",
            topic=topic,
            # Both names are documented for ECS as a whole, the first one "with deployment circuit breaker logic":
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
            sources=["aws.ecs"],
            detail_types=["ECS Deployment State Change", "ECS Service Action"],
            resources=[service],
            detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED", "SERVICE_TASK_START_IMPAIRED"]},
            text=text,
        )
