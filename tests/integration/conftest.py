"""Fixtures: the deployment under test, its manifest, and clients with the verification role."""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.integration.deployed import Deployed, MissingVariablesError
from tests.integration.session import assume

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def deployed() -> Deployed:
    """The deployment under test; without its environment variables the run fails instead of skipping."""
    try:
        return Deployed.named_by(os.environ)
    except MissingVariablesError as error:
        pytest.exit(f"FAILED: {error}", returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.fixture(scope="session")
def client(deployed: Deployed) -> Client:
    """Creates clients with the verification role: ``client("sqs")`` or ``client("dynamodb", region=...)``."""
    session = assume(deployed.role_arn, deployed=deployed)

    @cache
    def make(service: str, *, region: str = deployed.region) -> Any:
        return session.client(service, region_name=region)

    return make


@pytest.fixture(scope="session")
def parameter(client: Client, deployed: Deployed) -> Callable[[str], str]:
    """Reads a parameter of the environment: ``parameter("queue/url")``."""

    def read(key: str) -> str:
        value: str = client("ssm").get_parameter(Name=deployed.parameter_name(key))["Parameter"]["Value"]
        return value

    return read


@pytest.fixture(scope="session")
def manifest(parameter: Callable[[str], str]) -> dict[str, Any]:
    """The manifest: the deployed resources of the environment and its settings."""
    document: dict[str, Any] = json.loads(parameter("manifest"))
    return document


@pytest.fixture(scope="session")
def primary(manifest: dict[str, Any], deployed: Deployed) -> dict[str, str]:
    """The manifest entries of the primary region."""
    return dict(manifest[deployed.region])


@pytest.fixture(scope="session")
def recovery(manifest: dict[str, Any], deployed: Deployed) -> dict[str, str]:
    """The manifest entries of the DR region."""
    return dict(manifest[deployed.dr_region])


@pytest.fixture(scope="session")
def retained(manifest: dict[str, Any]) -> bool:
    """Whether the environment retains and protects its data."""
    return bool(manifest["configuration"]["data_protection"] == "retained")
