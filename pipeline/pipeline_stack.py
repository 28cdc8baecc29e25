"""The delivery pipeline: source, synth, self-mutation, then a stage per environment with an approval before each."""

from collections.abc import Mapping
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
from pipeline.digests.recorder import DigestRecorder
from pipeline.duties import SeparationOfDuties
from pipeline.findings.check import FindingsCheck, allow_findings
from pipeline.guard.guard import Guard, allow_changes
from pipeline.locked_tools import locked_version, only_locked
from pipeline.metrics import DeliveryMetrics
from pipeline.notifications import DeliveryNotifications
from pipeline.packages import DIRECTORY as PACKAGES
from pipeline.roles import acknowledge_generated_roles, name_trusted_roles
from pipeline.self_mutation import UpdateHold
from pipeline.settings import Delivery
from pipeline.steps import PlanStep, synth_step, verification_step
from stages.environment import Environment
from stages.names import PIPELINE_ROLE, planner_name
from stages.payment_stage import PaymentStage


class PipelineStack(Stack):
    """The pipeline; deployed manually once, and by itself from then on."""

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
        environments, name = delivery.environments, delivery.pipeline_name
        log_key = EncryptionKey(self, "LogKey", purpose="Logs of the delivery", retain=True)
        log_key.allow_log_groups()
        topic = AlarmTopic(self, "Topic", name=f"{name}-{{}}".format, email=delivery.notifications.email, retain=True)
        guard = Guard(self, "Guard", pipeline=name, environments=environments, log_key=log_key, topic=topic)

        artifacts = ArtifactStore(self, "Artifacts")
        buckets: dict[str, s3.IBucket] = {self.region: artifacts.bucket}
        buckets |= {region: store.import_into(self) for region, store in regional_artifacts.items()}
        source = delivery.source.pipeline_source(self)
        synth = synth_step(source=source)
        packages = synth.add_output_directory(PACKAGES)
        self.pipeline = code_pipeline(self, name=name, synth=synth, buckets=buckets, log_key=log_key)

        plans = {
            environment: PlanStep(
                environment=environment,
                pipeline=name,
                source=source,
                assembly=synth,
                packages=packages,
                store=artifacts,
            )
            for environment in environments[1:]
        }
        verifications: list[pipelines.CodeBuildStep] = []
        self.stages: list[PaymentStage] = []
        neighbours = zip((None, *environments), environments, (*environments[1:], None), strict=False)
        for previous, environment, following in neighbours:
            if plan := plans.get(environment):
                self._add_approval(environment, plan)
            stage = PaymentStage(
                self,
                environment.name,
                environment=environment,
                previous=previous,
                following=following,
                tooling_account=delivery.account,
                release=delivery.release,
            )
            for each in (stage.recovery, stage.payment):
                allow_changes(each, delivery.allowed_changes)
            allow_findings(stage.payment, delivery.allowed_findings)
            verification = verification_step(
                self, environment=environment, source=source, packages=packages, outputs=stage.payment.outputs
            )
            post = [verification]
            if following and not following.retains_data:
                post.append(plans[following])
            deployment = self.pipeline.add_stage(stage, post=post)
            for stack in deployment.stacks:  # also those that other constructs add
                guarded = guard.step(environment, stack=stack.stack_name, region=stack.region)
                stack.add_stack_steps([], [guarded], [])
            self.stages.append(stage)
            verifications.append(verification)

        # The conditions, roles and projects below can be changed or acknowledged only once the pipeline is built.
        self.pipeline.build_pipeline()
        name_trusted_roles(
            self.pipeline, planners={planner_name(environment): plan.project for environment, plan in plans.items()}
        )
        digests = DigestRecorder(self, "Digests", pipeline=self.pipeline.pipeline, log_key=log_key, topic=topic)
        findings = FindingsCheck(self, "Findings", pipeline=self.pipeline.pipeline, log_key=log_key, topic=topic)
        hold = UpdateHold(self, "UpdateHold", pipeline=self.pipeline.pipeline, name=name, log_key=log_key, topic=topic)
        functions = [each.function for each in (digests, findings, guard, hold)]
        conditions = Conditions(self.pipeline.pipeline)
        for environment in environments:
            conditions.add_environment(environment)
            if (plan := plans.get(environment)) and not environment.retains_data:
                conditions.skip_if(approval_name(environment), variable=plan.broadens, value="no")

        monitoring = Construct(self, "Monitoring")
        notifications = DeliveryNotifications(
            monitoring,
            "Events",
            pipeline=name,
            log_key=log_key,
            topic=topic,
            chat_topic_arn=delivery.notifications.chat_topic_arn,
        )
        DeliveryMetrics(
            monitoring,
            "Metrics",
            pipeline=name,
            stage=environments[-1].name,
            log_key=log_key,
            topic=topic,
            alarms=[notifications.alarm],
        )

        SeparationOfDuties(
            self,
            "Duties",
            pipeline=name,
            approvals=[approval_name(environment) for environment in plans],
            plans=artifacts,
            projects=[each for each in self.node.find_all() if isinstance(each, codebuild.Project)],
        )
        for statement in delivery.source.permissions():
            self.pipeline.pipeline.role.add_to_principal_policy(statement)
        acknowledge_generated_roles(
            self.pipeline,
            name=name,
            buckets=list(buckets.values()),
            functions=functions,
            verifications=[verification.project for verification in verifications],
            plans={environment.name: plan.project for environment, plan in plans.items()},
        )

    def _add_approval(self, environment: Environment, plan: PlanStep) -> None:
        """Adds a stage with an approval before that of an environment.

        It is a stage of its own, because inside the environment's stage the approval would follow the check of the
        deployment window. Where data is retained the approval is always required, and the plan is made right before
        it, against the stacks as deployed at that time. Elsewhere it is a confirmation that is skipped unless the plan
        broadens permissions: the condition needs the plan beforehand, so it runs beside the verification of the
        environment before, where it costs no time.
        """
        name = approval_name(environment)
        approval = pipelines.ManualApprovalStep(name, comment=plan.question, review_url=plan.page)
        if environment.retains_data:
            approval.add_step_dependency(plan)
        self.pipeline.add_wave(name, post=[plan, approval] if environment.retains_data else [approval])


def approval_name(environment: Environment) -> str:
    """The name of the approval before an environment, and of its stage."""
    return f"{'Approve' if environment.retains_data else 'Confirm'}{environment.name}"


def code_pipeline(
    scope: Construct,
    *,
    name: str,
    synth: pipelines.IFileSetProducer,
    buckets: Mapping[str, s3.IBucket],
    log_key: kms.IKey,
) -> pipelines.CodePipeline:
    """The pipeline up to its self-mutation, with an artifact bucket per region."""
    return pipelines.CodePipeline(
        scope,
        "Pipeline",
        pipeline_name=name,
        # A fixed name, because the environments' roles trust it, to read their gate alarms, before it exists.
        role=iam.Role(
            scope, "Role", role_name=PIPELINE_ROLE, assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com")
        ),
        pipeline_type=codepipeline.PipelineType.V2,
        # The approved commit is the deployed commit: no later one may supersede it at the approval.
        execution_mode=codepipeline.ExecutionMode.QUEUED,
        synth=synth,
        cli_version=locked_version("aws-cdk"),
        self_mutation_code_build_defaults=only_locked("aws-cdk"),
        cdk_assets_cli_version=locked_version("cdk-assets"),
        asset_publishing_code_build_defaults=only_locked("cdk-assets"),
        self_mutation=True,
        cross_account_keys=True,
        cross_region_replication_buckets=dict(buckets),
        use_pipeline_role_for_actions=True,
        # One build for all assets, with its commands in a file of the assembly: the pipeline has no hash of an asset.
        publish_assets_in_parallel=False,
        code_build_defaults=pipelines.CodeBuildOptions(
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(
                    log_group=LogGroup(scope, "BuildLog", key=log_key, retain=True)
                )
            ),
            build_environment=codebuild.BuildEnvironment(
                # This aws-cdk-lib has no constant for it yet.
                build_image=codebuild.LinuxBuildImage.from_code_build_image_id("aws/codebuild/standard:8.0"),
                compute_type=codebuild.ComputeType.MEDIUM,
            ),
        ),
    )
