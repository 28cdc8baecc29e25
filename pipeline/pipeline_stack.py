"""The delivery pipeline: source, synth, self-mutation, then one stage per environment with a gate before production."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack, pipelines
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.encryption_key import EncryptionKey
from pipeline.artifact_store import ArtifactStore
from pipeline.code_pipeline import code_pipeline
from pipeline.conditions import Conditions
from pipeline.delivery import Delivery
from pipeline.delivery_monitoring import DeliveryMonitoring
from pipeline.generated_roles import acknowledge_generated
from pipeline.guard import Guard
from pipeline.plan_step import PlanStep
from pipeline.separation_of_duties import SeparationOfDuties
from pipeline.synth_step import synth_step
from pipeline.verification_step import verification_step
from stages.environment import Environment
from stages.payment_stage import PaymentStage
from stages.peers import Peers

NAME = "payment-delivery"


class PipelineStack(Stack):
    """The pipeline; deployed by hand once, and by itself from then on.

    Args:
        delivery: What is delivered.
        regional_artifacts: The artifact store of each other region that the pipeline acts in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        delivery: Delivery,
        regional_artifacts: Mapping[str, ArtifactStore],
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **kwargs)
        log_key = EncryptionKey(self, "LogKey", purpose="Logs of the delivery", retain=True)
        log_key.allow_log_groups()
        topic = AlarmTopic(
            self, "Topic", name="payment-delivery-{}".format, email=delivery.notifications.email, retain=True
        )
        guard = Guard(self, "Guard", environments=delivery.environments, log_key=log_key, topic=topic)
        self._artifacts = ArtifactStore(self, "Artifacts", account=self.account, region=self.region)
        buckets: dict[str, s3.IBucket] = {
            self.region: self._artifacts.bucket,
            **{region: store.seen_from(self) for region, store in regional_artifacts.items()},
        }
        source = delivery.source.pipeline_source(self)
        synth = synth_step(source=source)
        self.pipeline = code_pipeline(self, name=NAME, synth=synth, buckets=buckets, log_key=log_key)
        self._plans = {
            environment: PlanStep(
                environment=environment,
                source=source,
                assembly=synth,
                bucket=self._artifacts.bucket,
                key=self._artifacts.key,
                region=self.region,
            )
            for environment in delivery.environments[1:]
        }
        self.stages: list[PaymentStage] = []
        self._verifications: list[pipelines.CodeBuildStep] = []
        for environment, following in zip(delivery.environments, (*delivery.environments[1:], None), strict=True):
            self._ask_before(environment)
            stage = PaymentStage(
                self,
                environment.name,
                environment=environment,
                peers=Peers.of(environment, delivery.environments),
                tooling_account=delivery.account,
                release=delivery.release,
            )
            self.stages.append(stage)
            verification = verification_step(self, environment=environment, source=source, outputs=stage.outputs)
            self._verifications.append(verification)
            self.pipeline.add_stage(
                stage,
                stack_steps=[
                    pipelines.StackSteps(
                        stack=stack,
                        change_set=[
                            guard.step(
                                environment,
                                stack=stack.stack_name,
                                region=stack.region,
                                allowed=delivery.allowed_changes,
                            )
                        ],
                    )
                    for stack in (stage.recovery, stage.payment)
                ],
                post=[verification, *([self._plans[following]] if following and not following.retains_data else [])],
            )
        self._finish(delivery, buckets=list(buckets.values()), guard=guard, log_key=log_key, topic=topic)

    def _ask_before(self, environment: Environment) -> None:
        """A stage of its own before every environment but the first, with an approval.

        Inside the environment's stage the gate would open before the stage's own conditions are looked at. Where data
        is retained the approval is always asked for, and the plan is made right before it, of what stands at that
        time. Elsewhere it is a confirmation, skipped unless the plan broadens permissions: the condition needs the plan
        beforehand, so it is made beside the verification of the environment before, and costs no time.
        """
        plan = self._plans.get(environment)
        if plan is None:
            return
        name = gate_name(environment)
        approval = pipelines.ManualApprovalStep(name, comment=plan.question, review_url=plan.page)
        if environment.retains_data:
            approval.add_step_dependency(plan)
        self.pipeline.add_wave(name, post=[plan, approval] if environment.retains_data else [approval])

    def _finish(
        self, delivery: Delivery, *, buckets: list[s3.IBucket], guard: Guard, log_key: kms.IKey, topic: AlarmTopic
    ) -> None:
        """Builds the pipeline, after which its roles and projects exist and can be held to the policy."""
        self.pipeline.build_pipeline()
        conditions = Conditions(self.pipeline.pipeline)
        for environment in delivery.environments:
            conditions.hold(environment)
        for environment, plan in self._plans.items():
            if not environment.retains_data:
                conditions.skip_unless(gate_name(environment), variable=plan.broadens, value="yes")
        DeliveryMonitoring(
            self,
            "Monitoring",
            name=NAME,
            pipeline=self.pipeline.pipeline,
            conditions=conditions,
            log_key=log_key,
            topic=topic,
            chat_topic_arn=delivery.notifications.chat_topic_arn,
        )
        SeparationOfDuties(
            self,
            "Duties",
            pipeline_arn=self.format_arn(service="codepipeline", resource=NAME),
            approvals=[(gate_name(environment), gate_name(environment)) for environment in self._plans],
            bucket=self._artifacts.bucket,
            key=self._artifacts.key,
        )
        for statement in delivery.source.permissions():
            self.pipeline.pipeline.role.add_to_principal_policy(statement)
        acknowledge_generated(
            self.pipeline,
            buckets=buckets,
            guard=guard.function,
            verifications=[verification.project for verification in self._verifications],
            plans=[plan.project for plan in self._plans.values()],
        )


def gate_name(environment: Environment) -> str:
    """The stage before an environment in which somebody is asked, and its approval."""
    return f"{'Approve' if environment.retains_data else 'Confirm'}{environment.name}"
