"""Alarm on a failed rotation of the database password."""

from functools import partial

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric


class RotationMonitoring(Construct):
    """Alarm on errors of the rotation function that Secrets Manager invokes."""

    def __init__(self, scope: Construct, construct_id: str, *, function_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        function = partial(aws_metric, "AWS/Lambda", {"FunctionName": function_name}, period=Duration.minutes(5))
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=function("Errors"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # the function runs once in 30 days: no call, no failure
            description="The rotation of the application's database password failed; the current one stays valid.",
            runbook="rotation-failed",
        )
        self.alarms = [failed]
