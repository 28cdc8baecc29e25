"""Chat channels that receive alarms, through Amazon Q Developer in chat applications."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from constructs import Construct

from payment_constructs.acknowledgement import acknowledge
from payment_constructs.monitoring.targets import SlackChannel, TeamsChannel

METRICS = (
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:GetMetricWidgetImage",
    "cloudwatch:ListMetrics",
)


class Chat(Construct):
    """One configuration per channel, with the topics that it receives.

    An account can configure a channel only once, so a channel of several levels and regions has one configuration, and
    its name is that of the channel. From the chat, alarms and metrics can be read and nothing else: the policy is that
    of the role, and the guardrail too, which AWS would make AdministratorAccess.
    https://docs.aws.amazon.com/chatbot/latest/adminguide/understanding-permissions.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: Callable[[str], str],
        topics: Mapping[SlackChannel | TeamsChannel, Sequence[str]],  # the ARNs of each channel's topics
    ) -> None:
        super().__init__(scope, construct_id)
        policy = iam.ManagedPolicy(
            self, "Policy", statements=[iam.PolicyStatement(actions=list(METRICS), resources=["*"])]
        )
        acknowledge(
            policy,
            "AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            control="Reads alarms and metrics, most of which have no resource ARN; neither contains cardholder data.",
        )
        role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"), managed_policies=[policy]
        )
        for channel, arns in topics.items():
            number = hashlib.sha256(channel.channel_id.encode()).hexdigest()[:8]
            common: dict[str, Any] = {
                "iam_role_arn": role.role_arn,
                "guardrail_policies": [policy.managed_policy_arn],
                "logging_level": "ERROR",
                "sns_topic_arns": list(arns),
                "user_role_required": False,
            }
            if isinstance(channel, SlackChannel):
                chatbot.CfnSlackChannelConfiguration(
                    self,
                    f"Slack-{number}",
                    configuration_name=name(f"slack-{number}"),
                    slack_workspace_id=channel.workspace_id,
                    slack_channel_id=channel.channel_id,
                    **common,
                )
            else:
                chatbot.CfnMicrosoftTeamsChannelConfiguration(
                    self,
                    f"Teams-{number}",
                    configuration_name=name(f"teams-{number}"),
                    teams_tenant_id=channel.tenant_id,
                    team_id=channel.team_id,
                    teams_channel_id=channel.channel_id,
                    **common,
                )
