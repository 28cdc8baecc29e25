"""Actions: their kinds, their roles, and the artifacts of their regions."""

import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import actions, console
from cdk_rehearsal.actions import approval
from cdk_rehearsal.actions.context import Context
from cdk_rehearsal.artifacts import Artifacts, pack
from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action, Pipeline, Store
from cdk_rehearsal.results import ActionResult
from cdk_rehearsal.roles import assume
from cdk_rehearsal.workplace import Workplace
from workplaces import workplace_in

HOME = Environment(account="600000000002", region="eu-west-1")
TARGET = "600000000003"


def role(emulator: Emulator, name: str, *, trusted: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{trusted}:root"}}
    iam = emulator.client("iam", account=TARGET, region=HOME.region)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    return arn


def pipeline(**stores: Store) -> Pipeline:
    regions = {name.replace("_", "-"): store for name, store in stores.items()}
    return Pipeline(name="p", version=1, role_arn="", stores=regions, stages=(), variables={})


def test_an_action_of_an_unknown_kind_fails() -> None:
    unknown = Action(
        stage="Dev",
        name="Warm",
        category="Invoke",
        provider="StepFunctions",
        run_order=1,
        configuration={},
        inputs=(),
        outputs=(),
        region="eu-west-1",
        role_arn=None,
        namespace=None,
    )
    with pytest.raises(DeliveryError, match="Dev / Warm: it knows no Invoke action of StepFunctions"):
        actions.carry_out(unknown, cast(Context, None))


def test_a_role_that_trusts_the_pipeline_is_assumed_in_its_account(emulator: Emulator) -> None:
    key = assume(role(emulator, "trusting", trusted=HOME.account), emulator=emulator, home=HOME, session="test")
    caller = emulator.client("sts", account=key, region=HOME.region).get_caller_identity()
    assert (caller["Account"], "trusting" in caller["Arn"]) == (TARGET, True)


@pytest.mark.parametrize(("trusted", "reason"), [(TARGET, "does not trust"), (None, "does not exist")])
def test_a_missing_or_distrusting_role_fails_with_the_bootstrap_option(
    emulator: Emulator, trusted: str | None, reason: str
) -> None:
    missing = f"arn:aws:iam::{TARGET}:role/missing"
    arn = role(emulator, "distrusting", trusted=trusted) if trusted else missing
    with pytest.raises(DeliveryError, match=rf"{reason}.*--trust {HOME.account}"):
        assume(arn, emulator=emulator, home=HOME, session="test")


def test_an_artifact_is_replicated_to_the_region_of_the_action(emulator: Emulator) -> None:
    clients: dict[str, Any] = {}
    for region in ("eu-west-1", "us-west-2"):
        clients[region] = emulator.client("s3", account=HOME.account, region=region)
        where = {"LocationConstraint": region}
        clients[region].create_bucket(Bucket=f"artifacts-{region}", CreateBucketConfiguration=where)
    stores = {
        name: Store(bucket=f"artifacts-{name.replace('_', '-')}", key=None) for name in ("eu_west_1", "us_west_2")
    }
    artifacts = Artifacts(emulator=emulator, account=HOME.account, pipeline=pipeline(**stores))
    data = pack([("file", 0o100644, b"content")])
    artifacts.save("Sources", data, region="eu-west-1")
    assert artifacts.load("Sources", region="us-west-2") == data
    assert clients["us-west-2"].list_objects_v2(Bucket="artifacts-us-west-2")["KeyCount"] == 1


def test_a_region_without_an_artifact_store_is_named(emulator: Emulator) -> None:
    artifacts = Artifacts(emulator=emulator, account=HOME.account, pipeline=pipeline())
    with pytest.raises(DeliveryError, match="no artifact store in us-west-2"):
        artifacts.save("Sources", b"", region="us-west-2")


@pytest.fixture(scope="module")
def offline(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A project of which the build Verify runs offline. Its Python takes seconds to make."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / ".venv").mkdir()
    (checkout / "cdk-rehearsal.toml").write_text('offline = ["Ver*"]\ncache = [".venv/**/*"]\ncache-key = ["lock"]\n')
    return workplace_in(tmp_path_factory.mktemp("work"), emulator=emulator, checkout=checkout)


@pytest.mark.parametrize("name", ["Verify", "Synth"])
def test_an_offline_build_gets_neither_a_registry_nor_the_cache(
    emulator: Emulator, offline: Workplace, tmp_path: Path, name: str
) -> None:
    log = tmp_path / "log"
    commands = "[ -d .venv ] && echo cached; echo index ${PIP_NO_INDEX:-used}"
    spec = {"version": "0.2", "phases": {"build": {"commands": [commands]}}}
    emulator.client("codebuild", account=HOME.account, region=HOME.region).create_project(
        name=f"offline-{name}",
        source={"type": "CODEPIPELINE", "buildspec": json.dumps(spec)},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=f"arn:aws:iam::{HOME.account}:role/build",
    )
    sources = SimpleNamespace(load=lambda *_, **__: pack([]), location=lambda *_, **__: "")
    context = SimpleNamespace(
        workplace=offline,
        home=HOME,
        pipeline=pipeline(),
        commit=SimpleNamespace(id="0" * 40),
        configuration={"ProjectName": f"offline-{name}"},
        artifacts=sources,
        action_execution=name,
        step=SimpleNamespace(watch=lambda _line: None),
        log=log,
        client=partial(emulator.client, account=HOME.account),
    )
    action = Action(
        stage="Dev",
        name=name,
        category="Build",
        provider="CodeBuild",
        run_order=1,
        configuration={},
        inputs=("Sources",),
        outputs=(),
        region=HOME.region,
        role_arn=None,
        namespace=None,
    )
    actions.carry_out(action, cast(Context, context))
    printed = log.read_text().splitlines()
    assert ("cached" in printed, "index 1" in printed) == ((False, True) if name == "Verify" else (True, False))


@pytest.mark.parametrize(("approver", "drawn"), [("terminal", False), ("answered_through_the_api", True)])
def test_no_progress_is_drawn_below_a_question_at_the_terminal(
    monkeypatch: pytest.MonkeyPatch, approver: str, drawn: bool
) -> None:
    watched: list[str] = []
    states = iter([{"token": "t"}, {"status": "InProgress"}, {"status": "Succeeded", "summary": "fine"}])
    monkeypatch.setattr(approval, "_state", lambda *_: next(states))
    monkeypatch.setattr(approval, "_ask", lambda *_: None)
    monkeypatch.setattr(console, approver, lambda _: None)
    context = SimpleNamespace(
        workplace=SimpleNamespace(approver=getattr(console, approver)),
        pipeline=pipeline(),
        commit=SimpleNamespace(id="0" * 40),
        execution="1",
        step=SimpleNamespace(pause=lambda: None, watch=watched.append),
    )
    asked = SimpleNamespace(stage="Approve", name="Approve")
    assert approval.carry_out(cast(Action, asked), cast(Context, context)).summary == "approved: fine"
    assert bool(watched) is drawn


def test_the_printed_command_names_the_aws_that_is_installed() -> None:
    workplace = SimpleNamespace(emulator=SimpleNamespace(endpoint="http://127.0.0.1:1"))
    request = console.Request(pipeline="p", stage="s", action="a", token="t", execution="e", revision="r")  # noqa: S106
    printed = approval.command(cast(Context, SimpleNamespace(home=HOME, workplace=workplace)), request)
    assert f" {Path(sys.executable).parent / 'aws'} --endpoint-url http://127.0.0.1:1 " in printed


@pytest.mark.parametrize(
    ("changed", "headline"),
    [
        ((), "UPDATE_COMPLETE"),
        (("/one", "/two"), "UPDATE_COMPLETE: /one, /two"),
        (("a", "b", "c", "d"), "UPDATE_COMPLETE: 4 resources"),
    ],
)
def test_the_report_names_the_changed_resources_of_an_action_if_they_are_few(
    changed: tuple[str, ...], headline: str
) -> None:
    result = ActionResult(
        stage="Dev",
        action="Deploy",
        provider="CloudFormation",
        status="Succeeded",
        seconds=1,
        summary="UPDATE_COMPLETE\nmore",
        log="",
        changed=changed,
    )
    assert result.headline == headline
