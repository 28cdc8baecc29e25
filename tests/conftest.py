"""One synthesis per session of the sample settings, and one of cdk.json's own where they differ."""

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.settings import Delivery, load_delivery
from stages.environment import Environment
from tests.sample import sample_settings
from tests.synthesized import RELEASE, synthesize_as_a_user
from tests.templates import Assembly

CHECKOUT = Path(__file__).parents[1]


def read_context() -> dict[str, Any]:
    """The context of the live settings, delivery and feature flags, with what the CDK CLI adds to it."""
    settings: dict[str, Any] = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return settings | {"aws:cdk:enable-path-metadata": True}


@pytest.fixture(scope="session")
def live_context() -> dict[str, Any]:
    """The context of cdk.json."""
    return read_context()


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The context with the sample settings; the feature flags are those of cdk.json."""
    return read_context() | {"delivery": sample_settings()}


@pytest.fixture(scope="session")
def delivery(context: dict[str, Any]) -> Delivery:
    """The delivery of the sample settings."""
    return load_delivery(context["delivery"], release=RELEASE)


@pytest.fixture(scope="module", params=list(sample_settings()["environments"]))
def environment(request: pytest.FixtureRequest, delivery: Delivery) -> Environment:
    """Each environment of the sample in turn."""
    return next(each for each in delivery.environments if each.name == request.param)


@pytest.fixture(scope="session")
def live_delivery(live_context: dict[str, Any]) -> Delivery:
    """The delivery of cdk.json."""
    return load_delivery(live_context["delivery"], release=RELEASE)


@pytest.fixture(scope="session")
def assembly(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Assembly:
    """The templates of the sample settings, which the CDK's validator checks in the switchboard."""
    return synthesized_once("assembly", context, tmp_path_factory, worker_id, validate=False)


@pytest.fixture(scope="session")
def live_assembly(live_context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Assembly:
    """The templates of cdk.json."""
    return synthesized_once("live-assembly", live_context, tmp_path_factory, worker_id, validate=True)


def synthesized_once(
    name: str, context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, worker_id: str, *, validate: bool
) -> Assembly:
    """Synthesizes in the worker that asks first; the others read the same directory."""
    own = tmp_path_factory.getbasetemp()
    directory = (own if worker_id == "master" else own.parent) / name
    finished = directory.with_name(f"{name}-finished")
    with FileLock(directory.with_name(f"{name}-lock")):
        if not finished.exists():
            synthesize_as_a_user(directory, context=context, validate=validate)
            finished.touch()
    return Assembly(directory)
