"""The plan of an environment: what the release would change there, before somebody is asked."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput, Duration, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stages.environment import Environment
from stages.names import lookup_role_arn, role_arn, verification_role_name, verifier_name

_REPORTS = "build/reports"
_RUNTIMES = {"python": "3.13", "nodejs": "24"}
_DOWNLOADS = {"PIP_CACHE_DIR": "build/downloads/pip", "npm_config_cache": "build/downloads/npm"}
"""Where pip and npm keep what they downloaded. Not what is installed of it: scripts of a .venv name the place where
they stand, and CodeBuild puts the sources of each build into another."""


def build_spec(*, cached: Sequence[str] = (), report: str | None = None) -> codebuild.BuildSpec:
    """The part of a build specification that CDK Pipelines does not write.

    Args:
        cached: What the build keeps for the next one besides downloads, as patterns.
        report: The report group of the JUnit files that it leaves in ``build/reports``; None where it leaves none.
    """
    spec: dict[str, Any] = {
        "env": {"variables": _DOWNLOADS},
        "cache": {"paths": [*(f"{place}/**/*" for place in _DOWNLOADS.values()), *cached]},
        "phases": {"install": {"runtime-versions": _RUNTIMES}},
    }
    if report is not None:
        spec["reports"] = {report: {"base-directory": _REPORTS, "files": ["*.xml"], "file-format": "JUNITXML"}}
    return codebuild.BuildSpec.from_object(spec)


SBOM = "build/sbom"


def synth_step(*, source: pipelines.CodePipelineSource) -> pipelines.CodeBuildStep:
    """Installs, checks and synthesizes a commit.

    Its outputs are the cloud assembly that everything later deploys, and the bill of materials of what built it.

    Args:
        source: Where the commit comes from.
    """
    step = pipelines.CodeBuildStep(
        "Synth",
        input=source,
        commands=["make check", "make synth"],
        primary_output_directory="cdk.out",
        cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
        partial_build_spec=build_spec(cached=[".mypy_cache/**/*"], report="checks"),
    )
    # The bill of materials is kept as an artifact beside the assembly (PCI DSS 6.3.2).
    step.add_output_directory(SBOM)
    return step


def verification_step(
    scope: Construct,
    *,
    environment: Environment,
    source: pipelines.CodePipelineSource,
    outputs: Mapping[str, CfnOutput],
) -> pipelines.CodeBuildStep:
    """Runs ``make verify`` in the target account's verification role, at most a quarter of an hour.

    It is the tests of the commit that is deployed, of its sources and not of its assembly. The build's own role reaches
    the verification role of this one environment, and nothing else of any environment.

    Args:
        scope: Where the build's role is made.
        environment: What was deployed.
        source: The commit.
        outputs: What the payment stack tells about itself, by the names of its outputs.
    """
    verified = role_arn(verification_role_name(environment), environment)
    return pipelines.CodeBuildStep(
        "Verify",
        input=source,
        commands=["make verify"],
        env={
            "ENVIRONMENT": environment.name,
            "ROLE_ARN": verified,
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
        role_policy_statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[verified])],
        timeout=Duration.minutes(15),
        build_environment=codebuild.BuildEnvironment(compute_type=codebuild.ComputeType.SMALL),
        cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
        partial_build_spec=build_spec(report="verification"),
    )


def variable(output: str) -> str:
    """The environment variable that carries a stack output, such as ``QUEUE_URL`` for ``QueueUrl``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


EXECUTION = "#{codepipeline.PipelineExecutionId}"


class PlanStep(pipelines.CodeBuildStep):
    """Compares the release with what stands in an environment, as the role that may look there.

    Args:
        environment: The environment.
        source: The commit, whose code compares.
        assembly: The cloud assembly of the commit.
        bucket: Where its page is kept, below ``plans/``.
        key: Encrypts the bucket.
        region: The region of the bucket.

    Attributes:
        page: The address of its page in the console.
        question: The plan in one line, for an approval after it.
        broadens: ``yes`` or ``no``, for a condition after it.
    """

    def __init__(
        self,
        *,
        environment: Environment,
        source: pipelines.IFileSetProducer,
        assembly: pipelines.IFileSetProducer,
        bucket: s3.IBucket,
        key: kms.IKey,
        region: str,
    ) -> None:
        name = f"plans/{EXECUTION}/{environment.name}.html"
        looking = [lookup_role_arn(environment, place) for place in (environment.primary_region, environment.dr_region)]
        super().__init__(
            f"Plan{environment.name}",
            input=source,
            additional_inputs={"cdk.out": assembly},
            env={"PAGE": f"s3://{bucket.bucket_name}/{name}"},
            commands=[f'make plan ENV={environment.name} PAGE="$PAGE"', ". build/plan/variables"],
            cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
            partial_build_spec=build_spec(),
            role_policy_statements=[
                iam.PolicyStatement(actions=["sts:AssumeRole"], resources=looking),
                iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects("plans/*")]),
                iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[key.key_arn]),
            ],
        )
        console = f"https://{region}.console.aws.amazon.com/s3/object"
        self.page = f"{console}/{bucket.bucket_name}?region={region}&prefix={name}"
        # Asked for before the pipeline is built, or never; and a variable that no step's text mentions has no name.
        self.broadens = self.exported_variable("PLAN_BROADENS")
        self.question = f"{self.exported_variable('PLAN_SUMMARY')} (broader permissions or network: {self.broadens})"
