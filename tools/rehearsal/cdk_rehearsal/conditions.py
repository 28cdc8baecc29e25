"""The conditions of a stage, as GetPipeline answers them, and deployment windows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from dateutil.zoneinfo import get_zonefile_instance

from cdk_rehearsal.errors import DeliveryError, check_known

_FIELDS = ("seconds", "minutes", "hours", "days of month", "months", "days of week", "years")
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NAMES = _DAYS | {name: number for number, name in enumerate(_MONTHS, start=1)}
_LOOK_AHEAD = timedelta(days=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A deployment window: the times at which a stage may be entered."""

    fields: tuple[frozenset[int], ...]
    time_zone: tzinfo

    @classmethod
    def parse(cls, cron: str, *, time_zone: str) -> Self:
        """Six fields and perhaps a year: seconds, minutes, hours, day of month, month, day of week."""
        zone = get_zonefile_instance().get(time_zone)
        if zone is None:
            raise DeliveryError(f"The deployment window has the time zone {time_zone!r}, which does not exist.")
        parts = [*cron.split(), "*"][: len(_FIELDS)]
        if len(parts) != len(_FIELDS):
            raise DeliveryError(f"The deployment window {cron!r} needs six fields, or seven with the year.")
        named = zip(parts, _FIELDS, _RANGES, strict=True)
        return cls(fields=tuple(_numbers(part, name, bounds) for part, name, bounds in named), time_zone=zone)

    def is_open(self, moment: datetime) -> bool:
        """Whether a stage may be entered at that moment."""
        local = moment.astimezone(self.time_zone)
        day = local.isoweekday() % 7 + 1
        now = (local.second, local.minute, local.hour, local.day, local.month, day, local.year)
        return all(value in allowed for value, allowed in zip(now, self.fields, strict=True))

    def opens(self, moment: datetime) -> datetime | None:
        """The next opening in the window's own time zone; None when there is none in two weeks."""
        start = moment.astimezone(self.time_zone).replace(second=0, microsecond=0)
        minutes = int(_LOOK_AHEAD / timedelta(minutes=1))
        later = (start + timedelta(minutes=passed) for passed in range(1, minutes))
        return next((each for each in later if self.is_open(each)), None)


def _numbers(part: str, name: str, bounds: tuple[int, int]) -> frozenset[int]:
    if part in {"*", "?"}:
        return frozenset(range(bounds[0], bounds[1] + 1))
    found: set[int] = set()
    for piece in part.split(","):
        match = re.fullmatch(r"(?P<first>[A-Z0-9]+)(-(?P<last>[A-Z0-9]+))?", piece)
        first, last = (_number(match[end] or match["first"]) if match else None for end in ("first", "last"))
        if first is None or last is None or not bounds[0] <= first <= last <= bounds[1]:
            raise DeliveryError(f"The deployment window has {part!r} as its {name}, which a rehearsal cannot read.")
        found.update(range(first, last + 1))
    return frozenset(found)


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else _NAMES.get(text)


FAIL, ROLLBACK, RETRY, SKIP = "FAIL", "ROLLBACK", "RETRY", "SKIP"
_RESULTS = {"beforeEntry": {FAIL, SKIP}, "onSuccess": {FAIL, ROLLBACK}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a condition."""

    name: str
    provider: str
    configuration: Mapping[str, str]
    region: str
    role_arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Rules, and the result for the stage when one of them fails."""

    result: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The result for the stage when an action of it fails."""

    result: str
    all_actions: bool  # a retry begins with the first action again


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All conditions of a stage."""

    before_entry: tuple[Condition, ...] = ()
    on_success: tuple[Condition, ...] = ()
    on_failure: Failure | None = None

    def __bool__(self) -> bool:
        return bool(self.before_entry or self.on_success or self.on_failure)


def read(stage: Mapping[str, Any], *, region: str) -> Conditions:
    """The conditions of a stage of GetPipeline's answer."""
    check_known(stage, {"name", "actions", "beforeEntry", "onSuccess", "onFailure"}, f"in stage {stage['name']}")
    return Conditions(
        before_entry=_conditions(stage, "beforeEntry", region=region),
        on_success=_conditions(stage, "onSuccess", region=region),
        on_failure=_failure(stage) if "onFailure" in stage else None,
    )


def _conditions(stage: Mapping[str, Any], kind: str, *, region: str) -> tuple[Condition, ...]:
    where = f"{kind} of stage {stage['name']}"
    check_known(stage.get(kind, {}), {"conditions"}, f"in {where}")
    found = stage.get(kind, {}).get("conditions", [])
    for condition in found:
        check_known(condition, {"result", "rules"}, f"in {where}")
        if condition["result"] not in _RESULTS[kind]:
            raise DeliveryError(f"A rehearsal does not know the result {condition['result']} in {where}.")
    return tuple(
        Condition(
            result=condition["result"],
            rules=tuple(_rule(rule, where, region=region) for rule in condition["rules"]),
        )
        for condition in found
    )


def _rule(rule: Mapping[str, Any], where: str, *, region: str) -> Rule:
    check_known(rule, {"name", "ruleTypeId", "configuration", "region", "roleArn"}, f"in {where}")
    return Rule(
        name=rule["name"],
        provider=rule["ruleTypeId"]["provider"],
        configuration=rule.get("configuration", {}),
        region=rule.get("region", region),
        role_arn=rule.get("roleArn"),
    )


def _failure(stage: Mapping[str, Any]) -> Failure:
    failure, where = stage["onFailure"], f"onFailure of stage {stage['name']}"
    check_known(failure, {"result", "retryConfiguration"}, f"in {where}")
    if failure["result"] not in {ROLLBACK, RETRY}:
        raise DeliveryError(f"A rehearsal does not know the result {failure['result']} in {where}.")
    mode = failure.get("retryConfiguration", {}).get("retryMode", "FAILED_ACTIONS")
    return Failure(result=failure["result"], all_actions=mode == "ALL_ACTIONS")
