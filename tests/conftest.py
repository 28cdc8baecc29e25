"""One synthesis per session: the whole delivery as cdk.json describes it, with every pack and validator on."""

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.settings import Delivery, load_delivery
from tests.synthesized import RELEASE, synthesize
from tests.templates import Assembly

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The context of cdk.json, delivery settings and feature flags, with what the CDK CLI adds to it."""
    settings: dict[str, Any] = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return settings | {"aws:cdk:enable-path-metadata": True}


@pytest.fixture(scope="session")
def delivery(context: dict[str, Any]) -> Delivery:
    """What cdk.json delivers."""
    return load_delivery(context["delivery"], release=RELEASE)


@pytest.fixture(scope="session")
def assembly(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Assembly:
    """The templates of that delivery, synthesized by the worker that asks first."""
    own = tmp_path_factory.getbasetemp()
    directory = (own if worker_id == "master" else own.parent) / "assembly"
    finished = directory.with_name("assembly-finished")
    with FileLock(directory.with_name("assembly-lock")):
        if not finished.exists():
            synthesize(directory, context=context)
            finished.touch()
    return Assembly(directory)
