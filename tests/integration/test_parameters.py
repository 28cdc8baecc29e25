"""The SSM parameters from which the service and other teams read the platform's endpoints."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.deployed import Deployed


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("db/endpoint", "database_endpoint"),
        ("queue/url", "queue_url"),
        ("dynamodb/table", "session_table_name"),
        ("audit/bucket", "audit_bucket_name"),
        ("environment", "environment"),
    ],
)
def test_each_parameter_matches_its_stack_output(
    parameter: Callable[[str], str], deployed: Deployed, key: str, field: str
) -> None:
    assert parameter(key) == getattr(deployed, field), (
        f"{deployed.parameter_name(key)} differs from the stack output: deploy the payment stack again"
    )


def test_the_release_parameter_names_this_release(parameter: Callable[[str], str], deployed: Deployed) -> None:
    assert parameter("release") == deployed.release, (
        f"{deployed.parameter_name('release')} names another release: deploy the payment stack again"
    )


def test_the_secret_parameter_names_the_secret_of_the_manifest(
    parameter: Callable[[str], str], primary: dict[str, Any]
) -> None:
    assert parameter("db/secret") == primary["database_user"], "deploy the payment stack again"
