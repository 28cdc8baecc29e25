"""The npm packages of package-lock.json that builds install with `npm install -g`: the CDK CLI and cdk-assets."""

import json
from pathlib import Path

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import pipelines

_LOCK = Path(__file__).parents[1] / "package-lock.json"


def locked_version(tool: str) -> str:
    """The version of a tool in the lock file."""
    return str(_locked(tool)["version"])


def only_locked(tool: str) -> pipelines.CodeBuildOptions:
    """Options of a build in which CDK Pipelines installs a tool: it fails if npm offers another package than the lock.

    npm compares a download with the hash that the registry states; the command compares that hash with the lock file.
    The packages contain all code that they need, so that the one hash covers everything.
    """
    name = f"{tool}@{locked_version(tool)}"
    offered, expected = f"npm view {name} dist.integrity", _locked(tool)["integrity"]
    check = f'test "$({offered})" = {expected} || {{ echo "{name} differs from package-lock.json"; exit 1; }}'
    return pipelines.CodeBuildOptions(
        partial_build_spec=codebuild.BuildSpec.from_object({"phases": {"install": {"commands": [check]}}})
    )


def _locked(tool: str) -> dict[str, str]:
    package: dict[str, str] = json.loads(_LOCK.read_text(encoding="utf-8"))["packages"][f"node_modules/{tool}"]
    return package
