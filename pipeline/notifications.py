"""Notifications of the delivery: ended releases, approvals, and overrides of its gates.

A commit can change them; the watcher, which none can change, notifies of every changed gate (bootstrap/watcher.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from payment_constructs.monitoring.targets import SNS_TOPIC
from pipeline.duties import deployment_role_arn
from pipeline.function import pipeline_arn, tooling_function
from stages.environment import EMAIL, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """The recipients of notifications.

    Raises:
        SettingsError: With every fault of the record.
    """

    email: str  # gets a confirmation request first, and nothing until that is confirmed
    chat_topic_arn: str | None = None
    """The SNS topic of a chat client, such as Amazon Q Developer in chat applications; it lets EventBridge publish."""

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(f"notifications.{fault}" for fault in self._faults())

    def chat_topic_faults(self, account: str, region: str) -> Iterator[str]:
        """Yields a fault unless the topic is where EventBridge can publish to: in the pipeline's account and region."""
        topic = SNS_TOPIC.fullmatch(self.chat_topic_arn or "")
        if topic and (topic["account"], topic["region"]) != (account, region):
            yield (
                f"notifications.chat_topic_arn is {self.chat_topic_arn!r}: "
                f"give a topic of the pipeline's own account and region, {account} and {region}."
            )

    def _faults(self) -> Iterator[str]:
        # JSON has more types than text.
        if not (isinstance(self.email, str) and EMAIL.fullmatch(self.email)):
            yield f"email is {self.email!r}: give one e-mail address, such as payments@example.com."
        topic = self.chat_topic_arn
        if topic is not None and not (isinstance(topic, str) and SNS_TOPIC.fullmatch(topic)):
            yield f"chat_topic_arn is {topic!r}: give arn:aws:sns:REGION:ACCOUNT:NAME, or leave it out."


OVERRIDING = (
    "DeletePipeline",
    "DisableStageTransition",
    "EnableStageTransition",
    "OverrideStageCondition",
    "RetryStageExecution",
    "RollbackStage",
    "UpdatePipeline",
)
"""The calls that bypass a gate (a retry: the deployment window) or remove one from the pipeline."""

OF_ANOTHER_COMMIT: Mapping[str, Any] = {
    "eventName": ["StartPipelineExecution"],
    "requestParameters": {"sourceRevisions": {"actionName": [{"exists": True}]}},
}
"""The pattern of a release of another commit than the branch's latest, which may not have been reviewed."""

# As in the function, which a test checks: an import of the function would load the AWS SDK into every synthesis.
SOURCE, DETAIL_TYPE = "payment.delivery", "Release ended"
CODE = Path(__file__).with_name("release_events_handler.py")
EXECUTION_ENDED = "CodePipeline Pipeline Execution State Change"
UNFINISHED = ["CANCELED", "STOPPED", "SUPERSEDED"]
"""The ends of an execution that neither succeeded nor failed; an update of the pipeline causes CANCELED."""


class DeliveryNotifications(Construct):
    """EventBridge rules on the events of one pipeline, with its topic and a chat's topic as targets.

    Attributes:
        alarm: Fires when a gate is overridden.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: str,
        log_key: kms.IKey,
        topic: AlarmTopic,
        chat_topic_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        # By ARN: the CDK would allow every rule of every account to publish to a topic of this stack.
        self._mailbox = sns.Topic.from_topic_arn(self, "Topic", topic.arn)
        self._chat = sns.Topic.from_topic_arn(self, "Chat", chat_topic_arn) if chat_topic_arn else None
        field = events.EventField.from_path
        region = Stack.of(self).region
        console = f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}/view"
        self._name_releases(pipeline, log_key=log_key, topic=topic)
        named = {key: field(f"$.detail.{key}") for key in ("kind", "release", "title", "state", "reason", "execution")}
        self._rule(
            "Ended",
            source=SOURCE,
            detail_type=DETAIL_TYPE,
            detail={"pipeline": [pipeline]},
            text=(
                f"{pipeline}: {named['kind']} {named['release']} ({named['title']}) ended: {named['state']}. "
                f"{named['reason']} Execution {named['execution']}. {console}"
            ),
        )
        self._rule(
            "ApprovalWanted",
            detail_type="CodePipeline Action Execution State Change",
            detail={"pipeline": [pipeline], "type": {"category": ["Approval"]}, "state": ["STARTED"]},
            text=f"{pipeline}: {field('$.detail.action')} is waiting for approval. {console}",
        )
        overridden = self._rule(
            "Overridden",
            detail_type="AWS API Call via CloudTrail",
            detail={
                "eventSource": ["codepipeline.amazonaws.com"],
                "$or": [
                    {"eventName": list(OVERRIDING), **_issuer([{"anything-but": [deployment_role_arn(self)]}])},
                    {"eventName": list(OVERRIDING), **_issuer([{"exists": False}])},
                    OF_ANOTHER_COMMIT,
                ],
            },
            text=(
                f"{field('$.detail.userIdentity.arn')} called {field('$.detail.eventName')} on a pipeline of account "
                f"{field('$.account')}: check that this was approved (docs/operations.md#gate-overridden). {console}"
            ),
        )
        self.alarm = Alarm(
            self,
            "OverriddenAlarm",
            topic=topic,
            metric=cloudwatch.Metric(
                namespace="AWS/Events",
                metric_name="MatchedEvents",
                dimensions_map={"RuleName": overridden.rule_name},
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=0,
            datapoints=1,
            # No call, no event; no event, no data.
            missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            description="A principal other than the pipeline overrode a gate or changed the pipeline.",
            runbook="gate-overridden",
        )

    def _name_releases(self, pipeline: str, *, log_key: kms.IKey, topic: AlarmTopic) -> None:
        """Publishes the end of each execution again, as an event that names the release."""
        naming, stack = Construct(self, "ReleaseEvents"), Stack.of(self)
        function = tooling_function(
            naming,
            code=CODE,
            timeout=Duration.minutes(1),
            statements=[
                iam.PolicyStatement(
                    actions=["codepipeline:GetPipelineExecution"],
                    resources=[pipeline_arn(self, pipeline)],
                ),
                iam.PolicyStatement(
                    actions=["events:PutEvents"],
                    resources=[stack.format_arn(service="events", resource="event-bus", resource_name="default")],
                ),
            ],
            any_resource=None,
            invoked_by="Only the end of an execution invokes it.",
            log_key=log_key,
            topic=topic,
        )
        events.Rule(
            naming,
            "Ended",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=[EXECUTION_ENDED],
                detail={"pipeline": [pipeline], "state": ["FAILED", "SUCCEEDED", *UNFINISHED]},
            ),
            targets=[targets.LambdaFunction(function, retry_attempts=2)],
        )

    def _rule(
        self, name: str, *, detail_type: str, detail: Mapping[str, Any], text: str, source: str = "aws.codepipeline"
    ) -> events.Rule:
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=detail)
        notified = [targets.SnsTopic(self._mailbox, message=events.RuleTargetInput.from_text(text))]
        if self._chat:
            notified.append(
                targets.SnsTopic(self._chat, message=events.RuleTargetInput.from_object(chat_message(text)))
            )
        rule = events.Rule(self, name, event_pattern=pattern, targets=notified)
        self._topic.allow_rule(rule)
        return rule


def chat_message(text: str) -> dict[str, Any]:
    """A custom notification of Amazon Q Developer in chat applications, which shows no other text in a chat.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    return {"version": "1.0", "source": "custom", "content": {"textType": "client-markdown", "description": text}}


def _issuer(arn: list[Any]) -> dict[str, Any]:
    return {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": arn}}}}
