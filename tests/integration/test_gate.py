"""The alarm that the delivery asks before it goes on."""

import warnings

from tests.integration.conftest import Client
from tests.integration.deployed import Deployed


def test_the_gate_is_there_and_open(client: Client, deployed: Deployed) -> None:
    """A gate that has not seen enough yet is told, not failed: the pipeline's own condition watches on."""
    name = deployed.resource_name("gate")
    found = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name], f"there is no metric alarm {name}: nothing asks the gate"
    (alarm,) = found
    assert alarm["StateValue"] != "ALARM", f"{name} is in ALARM: {alarm.get('StateReason')}"
    if alarm["StateValue"] == "INSUFFICIENT_DATA":
        warnings.warn(f"{name} has seen too little yet to say anything", stacklevel=1)
