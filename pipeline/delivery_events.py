"""Who hears of the delivery: failures, approvals that are wanted, successes, gates that change or are overridden."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import DefaultStackSynthesizer, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from payment_constructs.alarm import Alarm
from payment_constructs.alarm_topic import AlarmTopic
from pipeline.gates import PARAMETER

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
