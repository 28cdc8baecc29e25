"""Alarm on every statement that a person runs on the database."""

from functools import partial

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import NOT_BREACHING, Alarm, AlarmTopic, aws_metric


class DatabaseAccessMonitoring(Construct):
    """Alarm on invocations of the function that runs statements of people."""

    def __init__(self, scope: Construct, construct_id: str, *, function_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        function = partial(aws_metric, "AWS/Lambda", {"FunctionName": function_name}, period=Duration.minutes(5))
        used = Alarm(
            self,
            "Used",
            topic=topic,
            metric=function("Invocations"),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no invocation, no data
            description="A person runs statements on the database.",
            runbook="database-access",
        )
        self.alarms = [used]
