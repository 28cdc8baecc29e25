"""Alarms: composite ones, and those on metric math, which the emulator refuses.

An alarm on metric math gets a stand-in: an alarm of the same name, threshold and actions on a metric that nobody
publishes. So gates and composite alarms find it, and `aws cloudwatch set-alarm-state` sets it off in a drill; its
mathematics is recorded only. Every other alarm stays with the emulator's own handler.
"""

from typing import Any

from cdk_rehearsal.emulator.server import recorded
from cdk_rehearsal.emulator.server.bridge import (
    Attributes,
    Handlers,
    Properties,
    ResourceType,
    api,
    generated_name,
    given,
    reported,
    tag_changes,
)

ALARM = "AWS::CloudWatch::Alarm"
_ACTIONS = ("ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions", "AlarmDescription")


def alarm_handlers(*, native: dict[str, Handlers]) -> dict[str, Handlers]:
    """The emulator's handlers of alarms, with the stand-in for those that have `Metrics`."""
    own = native[ALARM]

    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
        if "Metrics" not in properties:
            created: tuple[str, Attributes] = own["create"](logical_id, properties, stack_name)
            return created
        name = properties.get("AlarmName") or generated_name(stack_name, logical_id)
        return name, _stand_in(name, {}, properties)

    def update(name: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> tuple[str, Attributes]:
        if "Metrics" in new:
            return name, _stand_in(name, old, new)
        recorded.forget(ALARM, name)
        # The name is part of the alarm's identity, so the emulator's own handler must not make up another.
        named = {"AlarmName": name}
        updated: tuple[str, Attributes] = own["update"](name, old | named, new | named, stack_name, logical_id)
        return updated

    def delete(name: str, properties: Properties) -> None:
        recorded.forget(ALARM, name)
        own["delete"](name, properties)

    return {ALARM: own | {"create": reported(create), "update": reported(update), "delete": reported(delete)}}


def _stand_in(name: str, old: Properties, new: Properties) -> Attributes:
    api("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Rehearsal/MetricMath",
        MetricName=name,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=new["EvaluationPeriods"],
        Threshold=new.get("Threshold", 0),
        ComparisonOperator=new["ComparisonOperator"],
        TreatMissingData="ignore",  # no data must not set it off: nobody publishes any
        **given(new, *_ACTIONS),
    )
    arn = _arn(name, "MetricAlarms")
    _retag(arn, old, new)
    recorded.keep(ALARM, name, new)
    return {"Arn": arn}


def _arn(name: str, kind: str) -> str:
    kinds = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}
    found = api("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=[kinds[kind]])
    return str(found[kind][0]["AlarmArn"])


def _retag(arn: str, old: Properties, new: Properties) -> None:
    wanted, unwanted = tag_changes(old, new)
    if unwanted:
        api("cloudwatch").untag_resource(ResourceARN=arn, TagKeys=unwanted)
    if wanted:
        api("cloudwatch").tag_resource(ResourceARN=arn, Tags=wanted)


def _put_composite(name: str, old: Properties, new: Properties) -> Attributes:
    wanted: dict[str, Any] = given(
        new,
        *_ACTIONS,
        "AlarmRule",
        "ActionsSuppressor",
        "ActionsSuppressorExtensionPeriod",
        "ActionsSuppressorWaitPeriod",
    )
    api("cloudwatch").put_composite_alarm(AlarmName=name, **wanted)
    arn = _arn(name, "CompositeAlarms")
    _retag(arn, old, new)
    return {"Arn": arn}


def _create_composite(name: str, properties: Properties) -> tuple[str, Attributes]:
    name = properties.get("AlarmName", name)
    return name, _put_composite(name, {}, properties)


def _delete_composite(name: str, _properties: Properties) -> None:
    api("cloudwatch").delete_alarms(AlarmNames=[name])


RESOURCE_TYPES = {
    "AWS::CloudWatch::CompositeAlarm": ResourceType(
        create=_create_composite, update=_put_composite, delete=_delete_composite
    ),
}
