"""The one way an alarm is made: named, told when it begins and ends, with a runbook and a stand on missing data."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


def description(text: str, *, runbook: str) -> str:
    """What an alarm says to whoever is woken by it, the way to its runbook last."""
    return f"{text} Runbook: docs/operations.md#{runbook}"


class Alarm(cloudwatch.Alarm):
    """An alarm on one metric or expression.

    Args:
        topic: Where it is told.
        what: The service and what is wrong with it, such as ``database-replica-lag``; its name follows from it.
        metric: What it looks at; one data point per period of the metric.
        threshold: The last good value, in the metric's unit.
        comparison: Whether it fires above the threshold or below.
        datapoints: How many data points must be bad.
        periods: Of how many, the latest ones; as many as ``datapoints`` where left out.
        missing: What a missing data point means.
        says: One sentence for whoever is woken.
        runbook: The heading in docs/operations.md, as its anchor.
        ignore_low_samples: Whether a percentile of too few samples to mean something leaves the state as it is.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: AlarmTopic,
        what: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        comparison: cloudwatch.ComparisonOperator = ABOVE,
        datapoints: int,
        periods: int | None = None,
        missing: cloudwatch.TreatMissingData,
        says: str,
        runbook: str,
        ignore_low_samples: bool = False,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_name=topic.name(what),
            alarm_description=description(says, runbook=runbook),
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            datapoints_to_alarm=datapoints,
            evaluation_periods=periods or datapoints,
            treat_missing_data=missing,
            evaluate_low_sample_count_percentile="ignore" if ignore_low_samples else None,
        )
        topic.notify(self)
