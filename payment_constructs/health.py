"""The health of an environment as people ask for it: one alarm over all the others."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.alarm import description
from payment_constructs.alarm_topic import AlarmTopic


class Health(cloudwatch.CompositeAlarm):
    """Fires while any of the alarms does. For people; what the pipeline asks is the gate.

    Args:
        topic: Where it is told.
        alarms: At most 100, of this region.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, topic: AlarmTopic, alarms: Sequence[cloudwatch.IAlarm]
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            composite_alarm_name=topic.name("health"),
            alarm_description=description("Something in the environment needs attention.", runbook="health"),
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        topic.notify(self)
