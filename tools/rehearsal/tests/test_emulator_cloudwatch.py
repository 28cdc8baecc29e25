"""CloudWatch alarms: composite ones, and stand-ins for metric math."""

from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from stacks import ACCOUNT, PRIMARY, delete, deploy

TOPIC = f"arn:aws:sns:{PRIMARY}:{ACCOUNT}:alarms"
THRESHOLD = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": "3", "Threshold": 5}
PLAIN = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 60}
RATE = {
    "Metrics": [
        {"Id": "rate", "Expression": "100 * errors / requests"},
        *(
            {
                "Id": name,
                "ReturnData": False,
                "MetricStat": {"Metric": {"Namespace": "Payments", "MetricName": name}, "Period": 60, "Stat": "Sum"},
            }
            for name in ("errors", "requests")
        ),
    ],
    "TreatMissingData": "breaching",
}


def _alarm(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": name, **THRESHOLD, **properties}}


def _health(prefix: str) -> dict[str, Any]:
    rule = {"Fn::Sub": 'ALARM("${Rate}") OR ALARM("${Cpu}")'}
    return {
        "Rate": _alarm(f"{prefix}-rate", AlarmActions=[TOPIC], **RATE),
        "Cpu": _alarm(f"{prefix}-cpu", **PLAIN),
        "Health": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {"AlarmName": f"{prefix}-health", "AlarmRule": rule},
        },
    }


@pytest.fixture
def cloudwatch(emulator: Emulator) -> Any:
    return emulator.client("cloudwatch", account=ACCOUNT, region=PRIMARY)


def _state(cloudwatch: Any, name: str) -> str | None:
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = [*found["MetricAlarms"], *found["CompositeAlarms"]]
    return str(alarms[0]["StateValue"]) if alarms else None


def test_an_alarm_on_metric_math_can_be_set_off(emulator: Emulator, cloudwatch: Any) -> None:
    deploy(emulator, "Drill", _health("drill"))
    assert _state(cloudwatch, "drill-rate") == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="drill-rate", StateValue="ALARM", StateReason="drill")
    assert _state(cloudwatch, "drill-health") == "ALARM"
    stand_in = cloudwatch.describe_alarms(AlarmNames=["drill-rate"])["MetricAlarms"][0]
    assert (stand_in["Threshold"], stand_in["AlarmActions"]) == (5, [TOPIC])


def test_the_metric_math_of_an_alarm_is_recorded(emulator: Emulator) -> None:
    deploy(emulator, "Mathematics", _health("mathematics"))
    kept = {each["PhysicalId"]: each["Properties"] for each in emulator.recorded()}
    assert kept["mathematics-rate"]["Metrics"] == RATE["Metrics"]
    assert "mathematics-cpu" not in kept


def test_an_alarm_can_change_between_metric_math_and_one_metric(emulator: Emulator, cloudwatch: Any) -> None:
    name = "changing"
    for properties, namespace in ((RATE, "Rehearsal/MetricMath"), (PLAIN, "AWS/ECS"), (RATE, "Rehearsal/MetricMath")):
        deploy(emulator, "Changing", {"Alarm": _alarm(name, **properties)})
        found = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        assert [alarm["Namespace"] for alarm in found] == [namespace]


def test_alarms_are_deleted_with_their_stack(emulator: Emulator, cloudwatch: Any) -> None:
    deploy(emulator, "Passing", _health("passing"))
    delete(emulator, "Passing")
    assert not any(_state(cloudwatch, f"passing-{name}") for name in ("rate", "cpu", "health"))
    assert not [each for each in emulator.recorded() if each["PhysicalId"] == "passing-rate"]
