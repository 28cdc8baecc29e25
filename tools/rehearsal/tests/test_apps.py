"""Apps of the shapes that the CDK Pipelines documentation shows, rehearsed by the command line as they are."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repositories import COMMAND, clone, terminal

GENEROUS = 600


def rehearse(app: str, directory: Path) -> dict[str, Any]:
    """The report of a rehearsal that delivered."""
    repository = clone(app, directory / app)
    run = subprocess.run(  # noqa: S603
        [COMMAND],
        cwd=repository,
        env=terminal(APPROVE="yes"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (report,) = json.loads((repository / "build" / "rehearsal" / "report.json").read_text())
    document: dict[str, Any] = report
    return document


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rehearse("github_source", tmp_path_factory.mktemp("github"))


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return rehearse("s3_source", tmp_path_factory.mktemp("s3"))


def actions(report: dict[str, Any]) -> list[str]:
    return [f"{each['stage']} / {each['action']}" for each in report["executions"][-1]["actions"]]


def deployed(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(each["stack"], each["environment"]["region"], each["status"]) for each in report["stacks"]}


def test_the_app_of_the_documentation_is_delivered(github: dict[str, Any]) -> None:
    assert actions(github) == [
        "Source / example_orders",
        "Build / Synth",
        "UpdatePipeline / SelfMutate",
        "Test / Prepare",
        "Test / Deploy",
        "Prod / Approve",
        "Prod / Orders.Prepare",
        "Prod / Orders.Deploy",
    ]
    assert {("Test-Orders", "eu-west-1", "CREATE_COMPLETE"), ("Prod-Orders", "eu-west-1", "CREATE_COMPLETE")} <= (
        deployed(github)
    )


def test_a_secret_that_the_templates_need_gets_a_placeholder_and_is_reported(github: dict[str, Any]) -> None:
    assert github["not_carried_out"] == [
        "secret github-token does not exist in a rehearsal, and was created with a placeholder"
    ]


def test_a_wave_in_two_regions_is_delivered_without_an_approval(s3: dict[str, Any]) -> None:
    assert actions(s3)[-2:] == [
        "Regions / Europe.shop-eu-central-1.Deploy",
        "Regions / America.shop-us-east-2.Deploy",
    ]
    assert {(f"shop-{region}", region, "CREATE_COMPLETE") for region in ("eu-central-1", "us-east-2")} <= deployed(s3)


def test_a_source_bucket_of_the_pipeline_stack_gets_the_commit(s3: dict[str, Any]) -> None:
    assert actions(s3)[0].startswith("Source / ")
    assert s3["not_carried_out"] == []


def test_the_generated_support_stack_is_deployed_too(s3: dict[str, Any]) -> None:
    assert ("us-east-2", "CREATE_COMPLETE") in {
        (region, status) for stack, region, status in deployed(s3) if "support" in stack
    }
