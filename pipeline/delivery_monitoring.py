"""Everything that watches the delivery itself, wired together."""

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic
from pipeline.conditions import Conditions
from pipeline.delivery_events import DeliveryEvents
from pipeline.delivery_metrics import DeliveryMetrics
from pipeline.gates import PARAMETER, gates_document


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
