"""The gate alarm that the pipeline reads before the next stage."""

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed


def test_the_gate_alarm_exists(client: Client, deployed: Deployed) -> None:
    """The pipeline itself checks its state, during the whole bake time."""
    name = deployed.resource_name("gate")
    found = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name], (
        f"there is no metric alarm {name}: see docs/operations.md#gate"
    )
