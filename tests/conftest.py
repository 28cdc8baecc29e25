"""One synthesis per session: the whole delivery as cdk.json describes it, with every pack and validator on."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery import Delivery
from tests.synthesized import Assembly, synthesize

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The context of cdk.json, delivery settings and feature flags, with what the CDK CLI adds to it."""
    settings: dict[str, Any] = json.loads((CHECKOUT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return settings | {"aws:cdk:enable-path-metadata": True}


@pytest.fixture(scope="session")
def _synthesis(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Delivery, Assembly]:
    return synthesize(tmp_path_factory.mktemp("assembly"), context=context)


@pytest.fixture(scope="session")
def delivery(_synthesis: tuple[Delivery, Assembly]) -> Delivery:
    """What cdk.json delivers."""
    return _synthesis[0]


@pytest.fixture(scope="session")
def assembly(_synthesis: tuple[Delivery, Assembly]) -> Assembly:
    """The templates of that delivery."""
    return _synthesis[1]
