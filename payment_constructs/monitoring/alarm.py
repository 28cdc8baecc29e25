"""What every part's monitoring offers to those who put it together."""

from collections.abc import Callable, Sequence
from typing import Protocol

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.keys import EncryptionKey


class AlarmTopic(Construct):
    """The topic of an environment in one region; an alarm reaches no topic of another region.

    Args:
        name: How a resource of the environment is called, by its service; the topic's and its alarms' names are made
            with it.
        email: The mailbox that is told. It gets a confirmation request first, and nothing until that is answered.
        retain: Whether the key outlives its stack.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, name: Callable[[str], str], email: str, retain: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        account = Stack.of(self).account
        own_alarms = {"StringEquals": {"aws:SourceAccount": account}}
        self.key = EncryptionKey(self, "Key", purpose=f"Alarm topic {name('alarms')}", retain=retain)
        # With AWS's own key for SNS, CloudWatch would publish nothing and say so in the alarm's history only:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions=own_alarms,
            )
        )
        self.topic = sns.Topic(self, "Topic", topic_name=name("alarms"), master_key=self.key, enforce_ssl=True)
        self._action = actions.SnsAction(self.topic)
        # The statement against plain HTTP replaces the policy that a topic is born with, and that let alarms in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=own_alarms,
            )
        )
        sns.Subscription(self, "Mailbox", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)

    def allow_failed_events(self, policy: iam.ManagedPolicy) -> None:
        """Lets a function's failed asynchronous events be told here: its dead-letter topic, which somebody reads."""
        policy.add_statements(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn]),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self.key.key_arn]),
        )

    def notify(self, alarm: cloudwatch.AlarmBase) -> None:
        """Tells when the alarm begins and when it is over."""
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)


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


class Monitored(Protocol):
    """A part of the platform with its alarms and graphs."""

    @property
    def alarms(self) -> Sequence[cloudwatch.AlarmBase]:
        """What is told, and makes up the health."""

    @property
    def widgets(self) -> Sequence[cloudwatch.IWidget]:
        """What the dashboard shows."""
