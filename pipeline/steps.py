"""The build steps of the delivery: synth, verification, plan."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput, Duration, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.artifacts import ArtifactStore
from pipeline.digests.recorder import recorded
from pipeline.function import pipeline_arn
from pipeline.packages import DIRECTORY as PACKAGES
from stages.environment import Environment
from stages.names import (
    plan_role_name,
    release_recorder_name,
    role_arn,
    verification_role_name,
    verifier_name,
)

_REPORTS = "build/reports"
_PYTHON = {"python": "3.13"}
_DOWNLOADS = {"PIP_CACHE_DIR": "build/downloads/pip", "npm_config_cache": "build/downloads/npm"}
"""The download caches of pip and npm. A .venv is not cached: its scripts contain its absolute path, and CodeBuild
checks out each build into another directory."""


def build_spec(*, installs: bool, cached: Sequence[str] = (), report: str | None = None) -> codebuild.BuildSpec:
    """The part of a build specification that CDK Pipelines does not write.

    Args:
        installs: Whether the build installs packages, with Node, and caches what it downloads.
        cached: Patterns of the files that are cached besides downloads.
        report: The report group of the JUnit files in ``build/reports``; None without any.
    """
    spec: dict[str, Any] = {"phases": {"install": {"runtime-versions": dict(_PYTHON)}}}
    if installs:
        spec["env"] = {"variables": _DOWNLOADS}
        spec["cache"] = {"paths": [*(f"{directory}/**/*" for directory in _DOWNLOADS.values()), *cached]}
        spec["phases"]["install"]["runtime-versions"]["nodejs"] = "24"
    if report is not None:
        spec["reports"] = {report: {"base-directory": _REPORTS, "files": ["*.xml"], "file-format": "JUNITXML"}}
    return codebuild.BuildSpec.from_object(spec)


SBOM = "build/sbom"
SYNTH = "Synth"
"""The step, with which the names of its artifacts begin."""


def synth_step(*, source: pipelines.CodePipelineSource) -> pipelines.CodeBuildStep:
    """Installs, checks and synthesizes a commit.

    Its outputs are the cloud assembly, the packages of the builds after it, and a bill of materials.
    """
    step = pipelines.CodeBuildStep(
        SYNTH,
        input=source,
        commands=["make check", "make synth", "make packages"],
        primary_output_directory="cdk.out",
        cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
        partial_build_spec=build_spec(installs=True, cached=[".mypy_cache/**/*"], report="checks"),
    )
    # PCI DSS 6.3.2: an inventory of third-party components.
    step.add_output_directory(SBOM)
    return step


def verification_step(
    scope: Construct,
    *,
    environment: Environment,
    source: pipelines.CodePipelineSource,
    packages: pipelines.IFileSetProducer,
    outputs: Mapping[str, CfnOutput],
) -> pipelines.CodeBuildStep:
    """Runs ``make verify`` of the deployed commit, in the verification role of the environment's account.

    When it passed, it records the release in another role there. The build's own role can assume these two and has no
    other access to any environment.
    """
    names = verification_role_name(environment), release_recorder_name(environment)
    verification_role, recorder_role = (role_arn(name, environment) for name in names)
    return pipelines.CodeBuildStep(
        "Verify",
        input=source,
        additional_inputs={PACKAGES: packages},
        commands=[f"make verify PACKAGES={PACKAGES}"],
        env={
            "ENVIRONMENT": environment.name,
            "ROLE_ARN": verification_role,
            "RECORDER_ROLE_ARN": recorder_role,
            "REGION": environment.primary_region,
            "DR_REGION": environment.dr_region,
        },
        env_from_cfn_outputs={variable(name): output for name, output in outputs.items()},
        role=iam.Role(
            scope,
            f"{environment.name}Verifier",
            role_name=verifier_name(environment),
            assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
        ),
        role_policy_statements=[
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[verification_role, recorder_role])
        ],
        timeout=Duration.minutes(15),
        build_environment=codebuild.BuildEnvironment(compute_type=codebuild.ComputeType.SMALL),
        partial_build_spec=build_spec(installs=False, report="verification"),
    )


def variable(output: str) -> str:
    """The environment variable that carries a stack output, such as ``QUEUE_URL`` for ``QueueUrl``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


EXECUTION = "#{codepipeline.PipelineExecutionId}"


def own_plans(environment: str) -> str:
    """The objects with the plans of an environment, of all executions."""
    return f"plans/*/{environment}.*"


class PlanStep(pipelines.CodeBuildStep):
    """Compares the release with the deployed stacks of an environment, in a role that reads these stacks only.

    Attributes:
        page: The URL of the plan in the S3 console.
        question: The subject of the release's commit and the plan in one line, for the approval.
        broadens: ``yes`` if the release broadens permissions or network access, else ``no``.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        pipeline: str,
        source: pipelines.IFileSetProducer,
        assembly: pipelines.IFileSetProducer,
        packages: pipelines.IFileSetProducer,
        store: ArtifactStore,
    ) -> None:
        bucket, region = store.bucket, store.region
        key, plans = f"plans/{EXECUTION}/{environment.name}.html", own_plans(environment.name)
        reader = role_arn(plan_role_name(environment), environment)
        super().__init__(
            f"Plan{environment.name}",
            input=source,
            additional_inputs={"cdk.out": assembly, PACKAGES: packages},
            env={"PAGE": f"s3://{bucket.bucket_name}/{key}", "DIGEST": recorded(environment.name)},
            commands=[
                f"make plan PACKAGES={PACKAGES} ENV={environment.name} PIPELINE={pipeline} "
                '"PAGE=$PAGE" "DIGEST=$DIGEST"',
                ". build/plan/variables",
                # Without a value there is nothing to compare, and a rule that fails for any reason skips the approval.
                "echo \"PLAN_BROADENS is $PLAN_BROADENS\" | grep -Ex 'PLAN_BROADENS is (yes|no)'",
            ],
            partial_build_spec=build_spec(installs=False),
            role_policy_statements=[
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[reader]),
                iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects(plans)]),
                iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[store.key.key_arn]),
                # The commits since the deployed release.
                iam.PolicyStatement(
                    actions=["codepipeline:ListPipelineExecutions", "codepipeline:ListActionExecutions"],
                    resources=[pipeline_arn(bucket, pipeline)],
                ),
            ],
        )
        console = f"https://{region}.console.aws.amazon.com/s3/object"
        self.page = f"{console}/{bucket.bucket_name}?region={region}&prefix={key}"
        # A variable can be exported only before the pipeline is built, and gets its name only if a step refers to it.
        self.broadens = self.exported_variable("PLAN_BROADENS")
        subject, summary = (self.exported_variable(name) for name in ("PLAN_SUBJECT", "PLAN_SUMMARY"))
        self.question = (
            f"{subject} | {summary} (broadens permissions or network access: {self.broadens}) | "
            f"{environment.name} of this release: SHA-256 {recorded(environment.name)}"
        )
