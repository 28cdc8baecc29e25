"""Where alarms are told: an encrypted topic that few may publish to, and a mailbox behind it."""

from collections.abc import Callable

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.encryption_key import EncryptionKey


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
