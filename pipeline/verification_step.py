"""The end of an environment's deployment: tests/integration, run against what has just been deployed."""

import re
from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline.build_spec import build_spec
from stages.environment import Environment
from stages.names import role_arn, verification_role_name, verifier_name


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
