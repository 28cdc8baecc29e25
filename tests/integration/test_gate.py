"""The alarm that the delivery asks before it goes on."""

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed


def test_the_gate_alarm_exists(client: Client, deployed: Deployed) -> None:
    """Whether it is open is the pipeline's question: it watches on for as long as the release bakes."""
    name = deployed.resource_name("gate")
    found = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name], f"there is no metric alarm {name}: nothing asks the gate"
