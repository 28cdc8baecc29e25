"""What every build of the pipeline begins with: its languages, and what the build before it downloaded."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_codebuild as codebuild

_REPORTS = "build/reports"
_RUNTIMES = {"python": "3.13", "nodejs": "24"}
_DOWNLOADS = ("/root/.cache/pip/**/*", "/root/.npm/**/*")
"""Of pip and npm. Not what is installed of it: scripts of a .venv name the place where they stand, and CodeBuild puts
the sources of each build into another."""


def build_spec(*, cached: Sequence[str] = (), report: str | None = None) -> codebuild.BuildSpec:
    """The part of a build specification that CDK Pipelines does not write.

    Args:
        cached: What the build keeps for the next one besides downloads, as patterns.
        report: The report group of the JUnit files that it leaves in ``build/reports``; None where it leaves none.
    """
    spec: dict[str, Any] = {
        "cache": {"paths": [*_DOWNLOADS, *cached]},
        "phases": {"install": {"runtime-versions": _RUNTIMES}},
    }
    if report is not None:
        spec["reports"] = {report: {"base-directory": _REPORTS, "files": ["*.xml"], "file-format": "JUNITXML"}}
    return codebuild.BuildSpec.from_object(spec)
