"""What every build of the pipeline begins with: its languages, and what the build before it downloaded."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_codebuild as codebuild

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
