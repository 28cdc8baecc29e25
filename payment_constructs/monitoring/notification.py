"""EventBridge rule that sends a text to the alarm topic."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.monitoring.alarm import AlarmTopic

API_CALL = "AWS API Call via CloudTrail"


class Notification(events.Rule):
    """Rule on events of AWS services, whose text names the runbook.

    Events of API calls need a CloudTrail trail of management events in the region.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: AlarmTopic,
        sources: list[str],
        detail_types: Sequence[str],
        detail: Mapping[str, Any],
        resources: Sequence[str] | None = None,
        text: str,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            event_pattern=events.EventPattern(
                source=sources,
                detail_type=list(detail_types),
                resources=list(resources) if resources else None,
                detail=detail,
            ),
        )
        # By ARN: the CDK would allow every rule of every account to publish to a topic of this stack.
        target = sns.Topic.from_topic_arn(self, "Topic", topic.arn)
        self.add_target(targets.SnsTopic(target, message=events.RuleTargetInput.from_text(text)))
        topic.allow_rule(self)
