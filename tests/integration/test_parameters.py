"""Where others, and the service itself, find the platform."""

from collections.abc import Callable

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
    assert parameter(key) == getattr(deployed, field), f"who reads {deployed.parameter_name(key)} is led astray"
