"""The gate alarms that the pipeline reads before the next stage."""

import pytest

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed

# As in payment_constructs/monitoring/gate.py; the verification has no CDK. test_verification.py compares the two.
GATE_ALARMS = ("gate", "gate-errors", "gate-response-time", "gate-database", "gate-dead-letters")


@pytest.mark.parametrize("gate", GATE_ALARMS)
def test_the_gate_alarm_exists(client: Client, deployed: Deployed, gate: str) -> None:
    """The pipeline itself checks its state, during the whole bake time."""
    name = deployed.resource_name(gate)
    found = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name], (
        f"there is no metric alarm {name}: see docs/operations.md#gate"
    )
