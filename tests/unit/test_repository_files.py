"""Configuration of GitHub, pre-commit and VS Code: actions are pinned, hooks are local, lists are complete."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT

ECOSYSTEMS = {"requirements.txt": "pip", "package-lock.json": "npm", ".github/workflows": "github-actions"}
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.y*ml"))


def load(path: str) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_workflow_action_is_pinned_by_digest_with_its_version(workflow: Any) -> None:
    used = re.findall(r"^\s*(?:- )?uses: *(.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    loose = [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)]
    assert loose == [], f"{workflow.name}: write `owner/action@<40 hex digits> # vX.Y.Z`"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_a_workflow_may_only_read_the_repository(workflow: Any) -> None:
    document = load(str(workflow))
    remedy = f"{workflow.name}: set only `permissions: contents: read`, at the top level"
    assert document["permissions"] == {"contents": "read"}, remedy
    assert [name for name, job in document["jobs"].items() if "permissions" in job] == [], remedy
    assert "pull_request_target" not in workflow.read_text(encoding="utf-8"), (
        f"{workflow.name}: use pull_request, because pull_request_target runs code of forks with a write token"
    )


def test_the_pull_request_workflow_runs_the_ci_script() -> None:
    document = load(".github/workflows/pull-request.yml")
    assert document[True] == "pull_request"  # YAML 1.1 reads `on` as true
    steps = [step.get("run") for job in document["jobs"].values() for step in job["steps"]]
    assert "sh .ci/run" in steps, "add a step with `run: sh .ci/run` to .github/workflows/pull-request.yml"


def test_pre_commit_runs_the_installed_tools_of_make_lint_and_make_scan() -> None:
    repositories = load(".pre-commit-config.yaml")["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    foreign = [hook["id"] for hook in hooks if not hook["entry"].startswith(".venv/bin/")]
    assert foreign == [], "start each hook of .pre-commit-config.yaml with .venv/bin/"
    entries = " ".join(hook["entry"] for hook in hooks)
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    (lint,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    tools = set(re.findall(r"\.venv/bin/(\S+)", lint)) | {"detect-secrets-hook"}
    assert tools == set(re.findall(r"\.venv/bin/(\S+)", entries)), (
        "make .pre-commit-config.yaml run the tools of `make lint` and `make scan`"
    )


def test_dependabot_covers_every_lock_file_and_the_workflows() -> None:
    covered = {
        (update["package-ecosystem"], update["directory"]) for update in load(".github/dependabot.yml")["updates"]
    }
    names = {name for name in ECOSYSTEMS if (CHECKOUT / name).exists()}
    assert names == set(ECOSYSTEMS)
    assert covered == {(ECOSYSTEMS[name], "/") for name in names}, "list these ecosystems in .github/dependabot.yml"


def test_every_lock_file_is_in_a_directory_of_dependabot() -> None:
    skipped = {".venv", "node_modules", "build", "cdk.out", ".git", "tests"}  # tests contain sample apps
    for pattern in ("requirements*.txt", "package-lock.json"):
        found = [path for path in CHECKOUT.rglob(pattern) if not skipped & set(path.relative_to(CHECKOUT).parts)]
        assert [path.parent for path in found] == [CHECKOUT], f"cover {found} in .github/dependabot.yml"


def test_vs_code_uses_the_interpreter_and_the_tests_of_this_project() -> None:
    settings = json.loads((CHECKOUT / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    assert settings["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv/bin/python"
    assert settings["python.testing.pytestEnabled"] is True
    missing = [path for path in settings["python.testing.pytestArgs"] if not (CHECKOUT / path).is_dir()]
    assert missing == [], "correct python.testing.pytestArgs in .vscode/settings.json"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_that_a_page_names_exists(page: str) -> None:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:sh )?([\w.-]+/[\w./-]*|[\w-]+\.(?:py|json|in|md|txt))`", text))
    assert named
    assert sorted(path for path in named if not (CHECKOUT / path).exists()) == [], f"correct these paths in {page}"
