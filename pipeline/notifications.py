"""Everything that watches the delivery itself, wired together."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import DefaultStackSynthesizer, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.monitoring.alarm import Alarm, AlarmTopic
from pipeline.conditions import PARAMETER, Conditions, gates_document
from pipeline.metrics import DeliveryMetrics
from stages.environment import EMAIL, SettingsError

TOPIC = re.compile(r"arn:aws:sns:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Who is told of failures, approvals that are wanted, successes, and gates that change.

    Args:
        email: A mailbox. It gets a confirmation request first, and nothing until that is answered.
        chat_topic_arn: A topic that a chat client listens to, such as Amazon Q Developer in chat applications; none by
            default. It stands in the pipeline's account and region, and lets EventBridge publish.

    Raises:
        SettingsError: With every fault of the record.
    """

    email: str
    chat_topic_arn: str | None = None

    def __post_init__(self) -> None:
        SettingsError.raise_if_any(f"notifications.{fault}" for fault in self._faults())

    def place_faults(self, *, account: str, region: str) -> Iterator[str]:
        """Says what is wrong with where the chat's topic stands: EventBridge tells nobody elsewhere.

        Args:
            account: The pipeline's account.
            region: The pipeline's region.
        """
        topic = TOPIC.fullmatch(self.chat_topic_arn or "")
        if topic and (topic["account"], topic["region"]) != (account, region):
            yield (
                f"notifications.chat_topic_arn is {self.chat_topic_arn!r}: "
                f"give a topic of the pipeline's own account and region, {account} and {region}."
            )

    def _faults(self) -> Iterator[str]:
        # JSON has more than text.
        if not (isinstance(self.email, str) and EMAIL.fullmatch(self.email)):
            yield f"email is {self.email!r}: give one e-mail address, such as payments@example.com."
        topic = self.chat_topic_arn
        if topic is not None and not (isinstance(topic, str) and TOPIC.fullmatch(topic)):
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
"""The calls that can lead a release past a gate (a retry: past its window), or a gate out of the pipeline."""


class DeliveryEvents(Construct):
    """Rules on the events of one pipeline, told to its topic and to a chat.

    Args:
        pipeline: The pipeline's name.
        topic: Where they are told.
        chat: A topic that a chat client listens to; None without one. Its policy is its owner's.

    Attributes:
        alarm: Fires when a gate is overridden.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, pipeline: str, topic: AlarmTopic, chat: sns.ITopic | None
    ) -> None:
        super().__init__(scope, construct_id)
        self._topics: Sequence[sns.ITopic] = (topic.topic, chat) if chat else (topic.topic,)
        topic.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Events",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        field = events.EventField.from_path
        region = Stack.of(self).region
        console = f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}/view"
        self._rule(
            "Ended",
            detail_type="CodePipeline Pipeline Execution State Change",
            detail={"pipeline": [pipeline], "state": ["FAILED", "SUCCEEDED"]},
            text=f"{pipeline}: execution {field('$.detail.execution-id')} has {field('$.detail.state')}. {console}",
        )
        self._rule(
            "ApprovalWanted",
            detail_type="CodePipeline Action Execution State Change",
            detail={"pipeline": [pipeline], "type": {"category": ["Approval"]}, "state": ["STARTED"]},
            text=f"{pipeline}: {field('$.detail.action')} waits for somebody's answer. {console}",
        )
        self._rule(
            "GateChanged",
            source="aws.ssm",
            detail_type="Parameter Store Change",
            detail={"name": [PARAMETER], "operation": ["Update", "Delete"]},
            text=f"{pipeline} has changed one of its own gates: compare the versions of {PARAMETER}. {console}",
        )
        overridden = self._rule(
            "Overridden",
            detail_type="AWS API Call via CloudTrail",
            detail={
                "eventSource": ["codepipeline.amazonaws.com"],
                "$or": [
                    {"eventName": list(OVERRIDING), **_issuer([{"anything-but": [_deployer(self)]}])},
                    {"eventName": list(OVERRIDING), **_issuer([{"exists": False}])},
                    # Of another commit than the branch's last, which nobody need have reviewed.
                    {
                        "eventName": ["StartPipelineExecution"],
                        "requestParameters": {"sourceRevisions": {"actionName": [{"exists": True}]}},
                    },
                ],
            },
            text=(
                f"{field('$.detail.userIdentity.arn')} has called {field('$.detail.eventName')} on a pipeline of "
                f"account {field('$.account')}: who approved that? {console}"
            ),
        )
        self.alarm = Alarm(
            self,
            "OverriddenAlarm",
            topic=topic,
            what="gate-overridden",
            metric=cloudwatch.Metric(
                namespace="AWS/Events",
                metric_name="MatchedEvents",
                dimensions_map={"RuleName": overridden.rule_name},
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=0,
            datapoints=1,
            # Without a call there is no event, and without an event no data.
            missing=cloudwatch.TreatMissingData.NOT_BREACHING,
            says="Somebody other than the pipeline led a release past a gate, or changed the pipeline.",
            runbook="gate-overridden",
        )

    def _rule(
        self,
        name: str,
        *,
        detail_type: str,
        detail: Mapping[str, Any],
        text: str,
        source: str = "aws.codepipeline",
    ) -> events.Rule:
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=detail)
        message = events.RuleTargetInput.from_text(text)
        return events.Rule(
            self,
            name,
            event_pattern=pattern,
            targets=[targets.SnsTopic(topic, message=message) for topic in self._topics],
        )


def _issuer(arn: list[Any]) -> dict[str, Any]:
    return {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": arn}}}}


def _deployer(scope: Construct) -> str:
    """The role in which CloudFormation changes the pipeline for the pipeline."""
    stack = Stack.of(scope)
    role = f"cdk-{DefaultStackSynthesizer.DEFAULT_QUALIFIER}-cfn-exec-role-{stack.account}-{stack.region}"
    return f"arn:aws:iam::{stack.account}:role/{role}"


class DeliveryMonitoring(Construct):
    """Notifications, the figures of DORA, and the pipeline's gates in a parameter whose change is told.

    Args:
        name: The pipeline's name.
        pipeline: The pipeline, built.
        conditions: Those that were put on it.
        log_key: Encrypts logs; it allows log groups.
        topic: Where people are told.
        chat_topic_arn: A chat's topic; None without one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        pipeline: codepipeline.Pipeline,
        conditions: Conditions,
        log_key: kms.IKey,
        topic: AlarmTopic,
        chat_topic_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        document = gates_document(pipeline, conditions=conditions.by_stage)
        ssm.StringParameter(
            self, "Gates", parameter_name=PARAMETER, tier=ssm.ParameterTier.INTELLIGENT_TIERING, string_value=document
        )
        chat = sns.Topic.from_topic_arn(self, "Chat", chat_topic_arn) if chat_topic_arn else None
        events = DeliveryEvents(self, "Events", pipeline=name, topic=topic, chat=chat)
        DeliveryMetrics(
            self,
            "Metrics",
            pipeline=name,
            stage=pipeline.stages[-1].stage_name,
            log_key=log_key,
            topic=topic,
            alarms=[events.alarm],
        )
