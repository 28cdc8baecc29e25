"""How the pipeline is run, whatever it delivers: releases queue, it changes itself, and its builds look alike."""

import json
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct

from payment_constructs.log_group import LogGroup
from stages.names import PIPELINE_ROLE

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
