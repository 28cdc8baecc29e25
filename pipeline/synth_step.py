"""The build: the same two commands that a developer runs, on a clean machine."""

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import pipelines

from pipeline.build_spec import build_spec

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
