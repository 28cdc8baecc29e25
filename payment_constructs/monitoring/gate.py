"""The gate alarm that the pipeline checks, the role that reads it, and the health alarm for engineers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.monitoring.alarm import BREACHING, Alarm, AlarmTopic, metric_math


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A condition under which an environment blocks deliveries, or a deployment is rolled back."""

    condition: str
    """In metric math, of the metrics below. A metric with gaps must be filled, or the alarm has gaps too."""

    metrics: Mapping[str, cloudwatch.IMetric]
    """By their ids in the condition; an id means one metric in all breaches of an alarm."""


def any_breach(breaches: Sequence[Breach]) -> cloudwatch.MathExpression:
    """The number of breaches that are present, from at most ten metrics.

    Raises:
        ValueError: When an id means two metrics.
    """
    conditions = " + ".join(f"IF({breach.condition}, 1, 0)" for breach in breaches)
    return metric_math("Breaches", conditions, _metrics(breaches))


class Gate(Alarm):
    """Metric-math alarm that fires while any breach is present in three of five minutes.

    Not a composite alarm, because a pipeline's CloudWatchAlarm rule finds metric alarms only: DescribeAlarms
    leaves composite ones out by default. The rule passes on INSUFFICIENT_DATA, so missing data is breaching.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works-conditions.html

    Three of five, because FILL invents the latest minute of a metric that is reported late. The breaches have at most
    ten metrics in all; at least one is always reported and never filled, so that an outage is missing data.
    """

    def __init__(self, scope: Construct, construct_id: str, *, topic: AlarmTopic, breaches: Sequence[Breach]) -> None:
        super().__init__(
            scope,
            construct_id,
            topic=topic,
            metric=any_breach(breaches),
            threshold=0,
            datapoints=3,
            periods=5,
            missing_data=BREACHING,
            description="The environment fails its gate: the pipeline must not continue from here.",
            runbook="gate",
        )


def _metrics(breaches: Sequence[Breach]) -> dict[str, cloudwatch.IMetric]:
    """The metrics of all breaches by their ids in the conditions."""
    found: dict[str, tuple[str, cloudwatch.IMetric]] = {}
    for breach in breaches:
        for name, metric in breach.metrics.items():
            condition, known = found.setdefault(name, (breach.condition, metric))
            if known is not metric:
                raise ValueError(
                    f"{name} means two metrics, in {condition} and in {breach.condition}: give one another id."
                )
    return {name: metric for name, (_, metric) in found.items()}


class GateReader(Construct):
    """Role with which the pipeline describes the gate alarm.

    DescribeAlarms can be restricted to metric alarms by name, not to composite ones.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, role_name: str, gate: cloudwatch.IAlarm, trusted: iam.IPrincipal
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[gate.alarm_arn])],
        )
        iam.Role(self, "Role", role_name=role_name, assumed_by=trusted, managed_policies=[policy])


class Health(cloudwatch.CompositeAlarm):
    """Composite alarm that fires while any of at most 100 alarms of this region does; the pipeline uses the gate."""

    def __init__(
        self, scope: Construct, construct_id: str, *, topic: AlarmTopic, alarms: Sequence[cloudwatch.IAlarm]
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            composite_alarm_name=topic.alarm_name("health", owner=f"{scope.node.path}/{construct_id}"),
            alarm_description=topic.description("At least one alarm of the environment is firing.", runbook="health"),
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        topic.notify(self, runbook="health")
