"""The builds after Synth run on the packages that Synth copied, and need no package registry."""

import json
import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from pipeline import packages
from tests.conftest import CHECKOUT
from tests.templates import Assembly

_IMPORTS = """
import tests.integration.conftest, tests.integration.test_service, tests.integration.test_sessions
import pipeline.plan.__main__
from pipeline.plan.changes import template_changes
tables = [{"Resources": {"A": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": n}}}} for n in "ab"]
(change,) = template_changes(stack="S", region="eu-west-1", before=tables[0], after=tables[1])
print(change.causes)
"""


def builds_after_synth(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The project of each build in the stages that deploy or approve: those that a rollback runs too."""
    projects = assembly.resources("PipelineStack", "AWS::CodeBuild::Project")
    return {
        f"{stage['Name']}/{action['Name']}": projects[action["Configuration"]["ProjectName"]["Ref"]]
        for stage in assembly.pipeline_stages()
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CodeBuild"
        and stage["Name"] not in {"Build", "UpdatePipeline", "Assets"}
    }


def test_a_build_that_a_rollback_may_run_installs_and_caches_nothing(assembly: Assembly) -> None:
    found = builds_after_synth(assembly)
    assert found
    for name, project in found.items():
        buildspec = json.loads(project["Source"]["BuildSpec"])
        runtimes = buildspec["phases"]["install"]["runtime-versions"]
        assert set(runtimes) == {"python"}, name
        commands = [each for phase in buildspec["phases"].values() for each in phase.get("commands", [])]
        run = [each for each in commands if each.startswith("make ")]
        assert run, f"{name} runs no target of the Makefile"
        assert all(f"PACKAGES={packages.DIRECTORY}" in each for each in run), (
            f"{name}: without PACKAGES make runs setup"
        )
        assert not [each for each in commands if " install " in f" {each} "], name
        assert project.get("Cache", {"Type": "NO_CACHE"})["Type"] == "NO_CACHE", name


def test_the_copied_boto3_knows_every_service_that_the_builds_call() -> None:
    sources = [*(CHECKOUT / "tests" / "integration").glob("*.py"), *(CHECKOUT / "pipeline" / "plan").glob("*.py")]
    called = {service for file in sources for service in re.findall(r'client\("([a-z0-9-]+)"', file.read_text("utf-8"))}
    assert "ssm" in called
    missing = called - set(packages.SERVICES)
    assert not missing, f"add {sorted(missing)} to SERVICES in pipeline/packages.py"


@pytest.mark.parametrize("target", ["verify", "plan"])
def test_make_runs_no_setup_where_packages_are_given(target: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", target, f"PACKAGES={packages.DIRECTORY}"]
    planned = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert "scripts/setup" not in planned
    assert ".venv" not in planned
    assert f'PYTHONPATH="{packages.DIRECTORY}" python3 -m ' in planned


def test_the_packages_are_all_that_verification_and_plan_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python starts without the installed packages; a missing one is added to PACKAGES."""
    monkeypatch.chdir(tmp_path)
    packages.main()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / packages.DIRECTORY)}
    run = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-S", "-c", _IMPORTS],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"add what is missing to pipeline/packages.py:\n{run.stderr}"
    assert run.stdout.strip() == "('TableName',)"


def test_the_rehearsal_gives_these_builds_no_registry(assembly: Assembly) -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cdk-rehearsal"]
    for name in builds_after_synth(assembly):
        action = name.split("/")[1]
        assert any(fnmatchcase(action, pattern) for pattern in settings["offline"]), (
            f"{name} may reach a registry in a rehearsal: add it to `offline` in pyproject.toml"
        )
