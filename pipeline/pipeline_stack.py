"""The delivery pipeline: source, synth, self-mutation, then one stage per environment with a gate before production."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from payment_constructs.alarm_topic import AlarmTopic
from payment_constructs.encryption_key import EncryptionKey
from payment_constructs.log_group import LogGroup
from pipeline.artifact_store import ArtifactStore
from pipeline.conditions import Conditions
from pipeline.delivery import Delivery
from pipeline.generated_roles import acknowledge_pipeline, acknowledge_project, acknowledge_self_mutation
from pipeline.guard import Guard
from pipeline.synth_step import synth_step
from stages.payment_stage import PaymentStage
from stages.peers import Peers

PACKAGE = Path(__file__).parents[1] / "package.json"


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
        artifacts = ArtifactStore(self, "Artifacts", account=self.account, region=self.region)
        buckets: dict[str, s3.IBucket] = {self.region: artifacts.bucket}
        for region, store in regional_artifacts.items():
            # By attributes: a grant on the construct of another region would open every key of the account.
            buckets[region] = s3.Bucket.from_bucket_attributes(
                self,
                f"Artifacts-{region}",
                bucket_name=store.bucket_name,
                region=region,
                encryption_key=kms.Key.from_key_arn(self, f"ArtifactsKey-{region}", store.key.key_arn),
            )
        self.pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            pipeline_name="payment-delivery",
            pipeline_type=codepipeline.PipelineType.V2,
            # The commit that is approved is the commit that is deployed: no later one may overtake it at the gate.
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            synth=synth_step(source=delivery.source.pipeline_source(self)),
            cli_version=json.loads(PACKAGE.read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"],
            self_mutation=True,
            cross_account_keys=True,
            cross_region_replication_buckets=buckets,
            use_pipeline_role_for_actions=True,
            publish_assets_in_parallel=False,
            code_build_defaults=pipelines.CodeBuildOptions(
                logging=codebuild.LoggingOptions(
                    cloud_watch=codebuild.CloudWatchLoggingOptions(
                        log_group=LogGroup(self, "BuildLog", key=log_key, retain=True)
                    )
                ),
                build_environment=codebuild.BuildEnvironment(
                    build_image=codebuild.LinuxBuildImage.STANDARD_8_0,
                    compute_type=codebuild.ComputeType.MEDIUM,
                ),
            ),
        )
        self.stages: list[PaymentStage] = []
        for environment in delivery.environments:
            if environment.retains_data:
                # A stage of its own: inside the environment's stage, the gate would open before that stage is entered.
                self.pipeline.add_wave(
                    f"Approve{environment.name}",
                    post=[pipelines.ManualApprovalStep(f"Approve{environment.name}")],
                )
            stage = PaymentStage(
                self,
                environment.name,
                environment=environment,
                peers=Peers.of(environment, delivery.environments),
                release=delivery.release,
            )
            self.stages.append(stage)
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
            )
        self._finish(delivery, buckets=list(buckets.values()), guard=guard)

    def _finish(self, delivery: Delivery, *, buckets: list[s3.IBucket], guard: Guard) -> None:
        """Builds the pipeline, after which its roles and projects exist and can be held to the policy."""
        self.pipeline.build_pipeline()
        conditions = Conditions(self.pipeline.pipeline)
        for environment in delivery.environments:
            conditions.hold(environment)
        for statement in delivery.source.permissions():
            self.pipeline.pipeline.role.add_to_principal_policy(statement)
        acknowledge_pipeline(self.pipeline.pipeline, buckets=buckets, guard=guard.function)
        acknowledge_project(self.pipeline.synth_project, bucket=buckets[0], writes_artifacts=True)
        acknowledge_project(self.pipeline.self_mutation_project, bucket=buckets[0], writes_artifacts=False)
        acknowledge_self_mutation(self.pipeline.self_mutation_project)
