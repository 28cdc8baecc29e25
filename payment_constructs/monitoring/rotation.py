"""Alarm on a failed rotation of the database password."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic


class RotationMonitoring(Construct):
    """Alarm on errors of the rotation function that Secrets Manager invokes."""

    def __init__(self, scope: Construct, construct_id: str, *, function_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=cloudwatch.Metric(
                namespace="AWS/Lambda",
                metric_name="Errors",
                dimensions_map={"FunctionName": function_name},
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # the function runs once in 30 days: no call, no failure
            description="The rotation of the application's database password failed; the present one stays valid.",
            runbook="rotation-failed",
        )
        self.alarms = [failed]
