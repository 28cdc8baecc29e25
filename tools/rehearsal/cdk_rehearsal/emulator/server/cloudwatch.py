"""CloudWatch: composite alarms, and alarms on metric math, which ministack refuses.

An alarm on metric math becomes a stand-in: an alarm with the same name, threshold and actions on a metric without data.
Stage conditions and composite alarms find it, and `aws cloudwatch set-alarm-state` sets it off; its expression is
recorded only. All other alarms use ministack's own handler.
"""

from cdk_rehearsal.emulator.server import recorded
from cdk_rehearsal.emulator.server.resource_types import (
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
    """Ministack's handlers of alarms, with the stand-in for alarms that have `Metrics`."""
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
        # The name identifies the alarm: ministack's handler must not generate another.
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
        TreatMissingData="ignore",  # the metric has no data, which must not set off the alarm
        **given(new, *_ACTIONS),
    )
    arn = _arn(name, "MetricAlarm")
    _retag(arn, old, new)
    recorded.keep(ALARM, name, new)
    return {"Arn": arn}


def _arn(name: str, kind: str) -> str:
    found = api("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=[kind])
    return str(found[f"{kind}s"][0]["AlarmArn"])


def _retag(arn: str, old: Properties, new: Properties) -> None:
    wanted, unwanted = tag_changes(old, new)
    if unwanted:
        api("cloudwatch").untag_resource(ResourceARN=arn, TagKeys=unwanted)
    if wanted:
        api("cloudwatch").tag_resource(ResourceARN=arn, Tags=wanted)


def _put_composite(name: str, old: Properties, new: Properties) -> Attributes:
    suppressor = ("ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod")
    api("cloudwatch").put_composite_alarm(AlarmName=name, **given(new, *_ACTIONS, "AlarmRule", *suppressor))
    arn = _arn(name, "CompositeAlarm")
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
