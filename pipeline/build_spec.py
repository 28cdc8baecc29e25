"""What every build of the pipeline begins with: its languages, and the tools that the build before it installed."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_codebuild as codebuild

_REPORTS = "build/reports"
_RUNTIMES = {"python": "3.13", "nodejs": "24"}
_TOOLS = (".venv/**/*", "node_modules/**/*")
"""Of the lock files; scripts/setup leaves them alone while they match."""


def build_spec(*, cached: Sequence[str] = (), report: str | None = None) -> codebuild.BuildSpec:
    """The part of a build specification that CDK Pipelines does not write.

    Args:
        cached: What the build keeps for the next one besides the tools, as patterns.
        report: The report group of the JUnit files that it leaves in ``build/reports``; None where it leaves none.
    """
    spec: dict[str, Any] = {
        "cache": {"paths": [*_TOOLS, *cached]},
        "phases": {"install": {"runtime-versions": _RUNTIMES}},
    }
    if report is not None:
        spec["reports"] = {report: {"base-directory": _REPORTS, "files": ["*.xml"], "file-format": "JUNITXML"}}
    return codebuild.BuildSpec.from_object(spec)
