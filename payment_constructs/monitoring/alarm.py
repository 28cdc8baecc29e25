"""CloudWatch alarms with a name, an SNS notification, a runbook and explicit missing-data handling."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.keys import EncryptionKey

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
BREACHING = cloudwatch.TreatMissingData.BREACHING
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING
MINUTE = Duration.minutes(1)


class AlarmTopic(Construct):
    """Encrypted SNS topic for the alarms of one environment and region; alarms cannot publish across regions.

    ``name`` makes a resource name from a part's name. The mailbox must confirm its subscription first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: Callable[[str], str], email: str, retain: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = name
        self._owners: dict[str, str] = {}  # the construct path of each alarm, by the alarm's name
        allow_alarms = partial(
            iam.PolicyStatement,
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
        )
        self.key = EncryptionKey(self, "Key", purpose=f"Alarm topic {name('alarms')}", retain=retain)
        # CloudWatch cannot publish to a topic with AWS's own key for SNS; only the alarm's history shows the failure:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        self.key.add_to_resource_policy(allow_alarms(actions=["kms:Decrypt", "kms:GenerateDataKey*"], resources=["*"]))
        self.topic = sns.Topic(self, "Topic", topic_name=name("alarms"), master_key=self.key, enforce_ssl=True)
        self._action = actions.SnsAction(self.topic)
        # `enforce_ssl` replaces the default topic policy, which would have allowed alarms to publish.
        self.topic.add_to_resource_policy(allow_alarms(actions=["sns:Publish"], resources=[self.topic.topic_arn]))
        sns.Subscription(self, "Mailbox", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)

    def alarm_name(self, name: str, *, owner: str) -> str:
        """The resource name of an alarm, whose construct path is the owner: CloudWatch overwrites an alarm of its name.

        Raises:
            ValueError: When another alarm of the topic has the name.
        """
        alarm = self._name(name)
        if (other := self._owners.setdefault(alarm, owner)) != owner:
            raise ValueError(f"The alarms {other} and {owner} have the same name, {alarm}: give one another name.")
        return alarm

    def allow_failed_events(self, policy: iam.ManagedPolicy) -> None:
        """Allows a Lambda function to use this topic as its dead-letter topic."""
        policy.add_statements(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key.key_arn]),
        )

    def notify(self, alarm: cloudwatch.AlarmBase) -> None:
        """Notifies when the alarm fires and when it recovers."""
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)


def alarm_description(text: str, *, runbook: str) -> str:
    """An alarm's description, which ends with the link to its runbook."""
    return f"{text} Runbook: docs/operations.md#{runbook}"


class Alarm(cloudwatch.Alarm):
    """CloudWatch alarm on one metric or expression, with one data point per period of the metric."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: AlarmTopic,
        name: str | None = None,  # such as `database-replica-lag`; the runbook's name by default
        metric: cloudwatch.IMetric,
        threshold: float,  # the last good value, in the metric's unit
        comparison: cloudwatch.ComparisonOperator = ABOVE,
        datapoints: int,  # that must breach
        periods: int | None = None,  # of how many latest data points; the same number by default
        missing_data: cloudwatch.TreatMissingData,
        description: str,  # one sentence for the engineer on call
        runbook: str,  # the anchor of a heading in docs/operations.md
        ignore_low_samples: bool = False,  # a percentile of too few samples leaves the state as it is
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_name=topic.alarm_name(name or runbook, owner=f"{scope.node.path}/{construct_id}"),
            alarm_description=alarm_description(description, runbook=runbook),
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            datapoints_to_alarm=datapoints,
            evaluation_periods=periods or datapoints,
            treat_missing_data=missing_data,
            evaluate_low_sample_count_percentile="ignore" if ignore_low_samples else None,
        )
        topic.notify(self)


def aws_metric(
    namespace: str, dimensions: Mapping[str, str], name: str, *, statistic: str = "Sum", period: Duration = MINUTE
) -> cloudwatch.Metric:
    """A metric, by namespace and dimensions first, for a ``partial`` of a family's metrics."""
    return cloudwatch.Metric(
        namespace=namespace, dimensions_map=dimensions, metric_name=name, statistic=statistic, period=period
    )


def metric_math(
    label: str, expression: str, metrics: Mapping[str, cloudwatch.IMetric], *, period: Duration = MINUTE
) -> cloudwatch.MathExpression:
    """A metric-math expression of metrics by their ids in it."""
    return cloudwatch.MathExpression(expression=expression, using_metrics=metrics, period=period, label=label)


class Monitored(Protocol):
    """A part of the platform with its alarms and dashboard graphs."""

    @property
    def alarms(self) -> Sequence[cloudwatch.AlarmBase]:
        """Notify the topic, and make up the environment's health alarm."""

    @property
    def widgets(self) -> Sequence[cloudwatch.IWidget]:
        """The part's graphs on the dashboard."""
