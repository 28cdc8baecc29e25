"""CloudWatch alarms with a name, an SNS notification, a runbook and explicit missing-data handling."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from aws_cdk import Duration, SecretValue, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.keys import EncryptionKey, through
from payment_constructs.monitoring.targets import AlarmLevels, Level, level_of

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
BREACHING = cloudwatch.TreatMissingData.BREACHING
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING
MINUTE = Duration.minutes(1)


class AlarmTopic(Construct):
    """Encrypted SNS topic for the alarms of one environment and region; alarms cannot publish across regions.

    ``name`` makes a resource name from a part's name. The mailbox must confirm its subscription first. A level with an
    on-call service or a chat channel has a topic of its own besides.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: Callable[[str], str],
        email: str,
        retain: bool,
        levels: AlarmLevels | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = name
        # By name: the topic depends on its key, so the key's policy cannot refer to the topic.
        self.arn = Stack.of(self).format_arn(service="sns", resource=name("alarms"))
        self._owners: dict[str, str] = {}  # the construct path of each alarm, by the alarm's name
        self._targets = levels.by_level() if levels else {}
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
        self.level_topics: dict[Level, sns.ITopic] = {}
        self._actions: dict[Level, list[actions.SnsAction]] = {}
        for level, targets in self._targets.items():
            topics: list[sns.ITopic] = []
            if targets.endpoint_secret or targets.chats:
                topic = sns.Topic(
                    self,
                    f"{level.title()}Topic",
                    topic_name=name(alarm_topic(level)),
                    master_key=self.key,
                    enforce_ssl=True,
                )
                topic.add_to_resource_policy(allow_alarms(actions=["sns:Publish"], resources=[topic.topic_arn]))
                topics.append(topic)
                self.level_topics[level] = topic
                if targets.endpoint_secret:
                    # A dynamic reference, which CloudFormation resolves: the template has only the secret's name.
                    address = SecretValue.secrets_manager(targets.endpoint_secret).unsafe_unwrap()
                    https = sns.SubscriptionProtocol.HTTPS
                    sns.Subscription(self, f"{level.title()}OnCall", topic=topic, protocol=https, endpoint=address)
            if targets.topic_arn:
                topics.append(sns.Topic.from_topic_arn(self, f"{level.title()}Target", targets.topic_arn))
            self._actions[level] = [actions.SnsAction(topic) for topic in topics]

    def alarm_name(self, name: str, *, owner: str) -> str:
        """The resource name of an alarm, whose construct path is the owner: CloudWatch overwrites an alarm of its name.

        Raises:
            ValueError: When another alarm of the topic has the name.
        """
        alarm = self._name(name)
        if (other := self._owners.setdefault(alarm, owner)) != owner:
            raise ValueError(f"The alarms {other} and {owner} have the same name, {alarm}: give one another name.")
        return alarm

    def allow_rule(self, rule: events.IRule) -> None:
        """Allows an EventBridge rule to publish to this topic.

        The rule is the source of the message, but the key is used without a source: a condition on `aws:SourceAccount`
        would deny it. The encryption context, which SNS gives, names the topic instead.
        https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        allow = partial(iam.PolicyStatement, principals=[iam.ServicePrincipal("events.amazonaws.com")])
        self.topic.add_to_resource_policy(
            allow(
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
            )
        )
        self.key.add_to_resource_policy(
            allow(
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": self.arn}},
            )
        )

    def allow_failed_events(self, policy: iam.ManagedPolicy) -> None:
        """Allows a Lambda function to use this topic as its dead-letter topic."""
        policy.add_statements(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn]),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self.key.key_arn],
                conditions=through("sns", Stack.of(self).region),
            ),
        )

    def notify(self, alarm: cloudwatch.AlarmBase, *, runbook: str) -> None:
        """Notifies the mailbox and the targets of the alarm's level when it fires and when it recovers."""
        notified = [self._action, *self._actions.get(level_of(runbook), ())]
        alarm.add_alarm_action(*notified)
        alarm.add_ok_action(*notified)

    def description(self, text: str, *, runbook: str) -> str:
        """An alarm's description, with its level where levels have targets; it ends with the link to its runbook."""
        level = f" Level: {level_of(runbook)}." if self._targets else ""
        return f"{text}{level} Runbook: docs/operations.md#{runbook}"


def alarm_topic(level: Level) -> str:
    """The part's name of a level's own topic."""
    return f"alarms-{level}"


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
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alarm_name=topic.alarm_name(name or runbook, owner=f"{scope.node.path}/{construct_id}"),
            alarm_description=topic.description(description, runbook=runbook),
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            datapoints_to_alarm=datapoints,
            evaluation_periods=periods or datapoints,
            treat_missing_data=missing_data,
        )
        topic.notify(self, runbook=runbook)


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
