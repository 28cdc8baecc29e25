"""The health of an environment as people ask for it: one alarm over all the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic, description


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A condition under which an environment passes nothing on.

    Args:
        condition: In metric math, of the metrics below. A metric with gaps is filled, or the gate has gaps too.
        metrics: By the names that the condition calls them; a name means one metric in all breaches of a gate.
    """

    condition: str
    metrics: Mapping[str, cloudwatch.IMetric]


class Gate(Alarm):
    """Fires while any breach holds in three of five minutes.

    It is one metric-math alarm, because a pipeline's CloudWatchAlarm rule finds metric alarms only: DescribeAlarms
    leaves composite ones out unless asked for. A rule lets INSUFFICIENT_DATA pass, so missing data is breaching.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works-conditions.html

    Three of five, because FILL makes up the latest minute of a metric that comes in late.

    Args:
        topic: Where it is told.
        breaches: What closes it; ten metrics at most. One metric at least is never filled and always there, so that
            silence is missing data.
    """

    def __init__(self, scope: Construct, construct_id: str, *, topic: AlarmTopic, breaches: Sequence[Breach]) -> None:
        super().__init__(
            scope,
            construct_id,
            topic=topic,
            what="gate",
            metric=cloudwatch.MathExpression(
                expression=" + ".join(f"IF({breach.condition}, 1, 0)" for breach in breaches),
                using_metrics={name: metric for breach in breaches for name, metric in breach.metrics.items()},
                period=Duration.minutes(1),
                label="Breaches",
            ),
            threshold=0,
            datapoints=3,
            periods=5,
            # Nobody goes through a gate that sees nothing.
            missing=cloudwatch.TreatMissingData.BREACHING,
            says="The environment is not fit to pass a delivery on.",
            runbook="gate",
        )


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
