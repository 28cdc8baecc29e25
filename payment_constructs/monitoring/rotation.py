"""Alarms on a rotation of a database password that fails or does not happen."""

from functools import partial

from aws_cdk import Duration
from constructs import Construct

from payment_constructs.monitoring.alarm import (
    BELOW,
    BREACHING,
    NOT_BREACHING,
    Alarm,
    AlarmTopic,
    aws_metric,
    metric_math,
)

HOUR = Duration.hours(1)
HOURS = 26
"""A day, and two hours for a daily check that starts late."""


class RotationMonitoring(Construct):
    """Alarms on errors of the rotation function, and on its daily checks, of which one must pass."""

    def __init__(self, scope: Construct, construct_id: str, *, function_name: str, topic: AlarmTopic) -> None:
        super().__init__(scope, construct_id)
        metric = partial(aws_metric, "AWS/Lambda", {"FunctionName": function_name})
        failed = Alarm(
            self,
            "Failed",
            topic=topic,
            metric=metric("Errors", period=Duration.minutes(5)),
            threshold=0,
            datapoints=1,
            missing_data=NOT_BREACHING,  # no call, no failure; the alarm below covers a missing one
            description="The rotation of a database password failed or is overdue; the current one stays valid.",
            runbook="rotation-failed",
        )
        runs = {"runs": metric("Invocations", period=HOUR), "errors": metric("Errors", period=HOUR)}
        overdue = Alarm(
            self,
            "Overdue",
            topic=topic,
            # Lambda repeats a check that fails, which counts as another run.
            metric=metric_math("Passed", "FILL(runs, 0) - FILL(errors, 0)", runs, period=HOUR),
            threshold=1,
            comparison=BELOW,
            datapoints=HOURS,
            missing_data=BREACHING,  # the check did not run
            description=f"No check that the database passwords are rotated has passed for {HOURS} hours.",
            runbook="rotation-overdue",
        )
        self.alarms = [failed, overdue]
