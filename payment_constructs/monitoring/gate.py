"""The gate alarms that the pipeline checks, the role that reads them, and the health alarm for engineers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic, metric_math

GATE_ALARMS = ("gate", "gate-errors", "gate-response-time", "gate-database", "gate-dead-letters")
"""The parts' names of the gate alarms: of the hosts first. A stage's condition has one rule for each, and at most five:
https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A condition under which an environment blocks deliveries, or a deployment is rolled back."""

    condition: str
    """In metric math, of the metrics below. A missing value counts as 0, filled or not, so it never breaches ``> 0``:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html"""

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
    """Metric alarm that stops the pipeline while it is on, in three of five minutes unless it says otherwise.

    Not a composite alarm, because a pipeline's CloudWatchAlarm rule finds metric alarms only: DescribeAlarms
    leaves composite ones out by default. The rule passes on INSUFFICIENT_DATA, so missing data breaches where AWS
    always reports a metric.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works-conditions.html

    Three of five, because FILL invents the latest minute of a metric that is reported late.

    Raises:
        ValueError: When the pipeline does not watch an alarm of this name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: AlarmTopic,
        name: str,  # one of GATE_ALARMS
        metric: cloudwatch.IMetric,
        threshold: float = 0,
        datapoints: int = 3,
        periods: int = 5,
        missing_data: cloudwatch.TreatMissingData,
        fault: str,  # completes the sentence "The pipeline must not continue: ..."
    ) -> None:
        if name not in GATE_ALARMS:
            raise ValueError(f"{name} is not in GATE_ALARMS: add it there, so that the pipeline watches it.")
        super().__init__(
            scope,
            construct_id,
            topic=topic,
            name=name,
            metric=metric,
            threshold=threshold,
            datapoints=datapoints,
            periods=periods,
            missing_data=missing_data,
            description=f"The pipeline must not continue: {fault}.",
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
    """Role with which the pipeline describes the gate alarms.

    DescribeAlarms can be restricted to metric alarms by name, not to composite ones.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_name: str,
        gates: Sequence[cloudwatch.IAlarm],
        trusted: iam.IPrincipal,
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            statements=[
                iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[gate.alarm_arn for gate in gates])
            ],
        )
        iam.Role(self, "Role", role_name=role_name, assumed_by=trusted, managed_policies=[policy])


class Health(cloudwatch.CompositeAlarm):
    """Composite alarm that fires while any of at most 100 alarms of this region does; the pipeline uses the gates."""

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
