"""Fixtures for every test: the settings of cdk.json and their templates, synthesized once per session."""

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.settings import Delivery, load_delivery
from stages.environment import Environment
from tests.synthesized import RELEASE, synthesize
from tests.templates import Assembly

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The context of cdk.json (settings and feature flags) with what the CDK CLI adds to it."""
    settings: dict[str, Any] = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return settings | {"aws:cdk:enable-path-metadata": True}


@pytest.fixture(scope="session")
def delivery(context: dict[str, Any]) -> Delivery:
    """The delivery settings of cdk.json."""
    return load_delivery(context["delivery"], release=RELEASE)


@pytest.fixture(scope="module", params=["Dev", "Staging", "Prod"])
def environment(request: pytest.FixtureRequest, delivery: Delivery) -> Environment:
    """Each delivered environment in turn."""
    return next(each for each in delivery.environments if each.name == request.param)


@pytest.fixture(scope="session")
def assembly(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Assembly:
    """The templates of that delivery, with every policy pack and validator on; the first worker synthesizes them."""
    base = tmp_path_factory.getbasetemp()
    directory = (base if worker_id == "master" else base.parent) / "assembly"
    finished = directory.with_name("assembly-finished")
    with FileLock(directory.with_name("assembly-lock")):
        if not finished.exists():
            synthesize(directory, context=context)
            finished.touch()
    return Assembly(directory)
