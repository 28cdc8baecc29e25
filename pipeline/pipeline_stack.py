"""The delivery pipeline: source, synth, self-mutation, then one stage per environment with a gate before production."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.keys import EncryptionKey
from payment_constructs.logs import LogGroup
from payment_constructs.monitoring.alarm import AlarmTopic
from pipeline.artifacts import ArtifactStore
from pipeline.conditions import Conditions
from pipeline.guard.guard import Guard
from pipeline.notifications import DeliveryMonitoring
from pipeline.roles import SeparationOfDuties, acknowledge_generated
from pipeline.settings import Delivery
from pipeline.steps import PlanStep, synth_step, verification_step
from stages.environment import Environment
from stages.layers import Peers
from stages.names import PIPELINE_ROLE
from stages.payment_stage import PaymentStage

PACKAGE = Path(__file__).parents[1] / "package.json"


def code_pipeline(
    scope: Construct,
    *,
    name: str,
    synth: pipelines.IFileSetProducer,
    buckets: Mapping[str, s3.IBucket],
    log_key: kms.IKey,
) -> pipelines.CodePipeline:
    """Makes the pipeline, with no stage of an environment yet.

    Args:
        scope: Its stack.
        name: Its name.
        synth: The step that makes the cloud assembly.
        buckets: Where artifacts are kept, by region.
        log_key: Encrypts the log of the builds; it allows log groups.
    """
    return pipelines.CodePipeline(
        scope,
        "Pipeline",
        pipeline_name=name,
        # By a name that the environments know before it exists: it looks at their gates.
        role=iam.Role(
            scope, "Role", role_name=PIPELINE_ROLE, assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com")
        ),
        pipeline_type=codepipeline.PipelineType.V2,
        # The commit that is approved is the commit that is deployed: no later one may overtake it at the gate.
        execution_mode=codepipeline.ExecutionMode.QUEUED,
        synth=synth,
        cli_version=json.loads(PACKAGE.read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"],
        self_mutation=True,
        cross_account_keys=True,
        cross_region_replication_buckets=dict(buckets),
        use_pipeline_role_for_actions=True,
        publish_assets_in_parallel=False,
        code_build_defaults=pipelines.CodeBuildOptions(
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(
                    log_group=LogGroup(scope, "BuildLog", key=log_key, retain=True)
                )
            ),
            build_environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.STANDARD_8_0,
                compute_type=codebuild.ComputeType.MEDIUM,
            ),
        ),
    )


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
