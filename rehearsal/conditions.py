"""The conditions of a stage as the service tells them; what is not understood is refused, never passed over."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from rehearsal.errors import DeliveryError

FAIL, ROLLBACK, RETRY, SKIP = "FAIL", "ROLLBACK", "RETRY", "SKIP"
_RESULTS = {"beforeEntry": {FAIL, SKIP}, "onSuccess": {FAIL, ROLLBACK}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question of a condition."""

    name: str
    provider: str
    configuration: Mapping[str, str]
    region: str
    role_arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What happens when one of its rules does not hold."""

    result: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What happens when an action of the stage fails."""

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
    _check(stage, {"name", "actions", "beforeEntry", "onSuccess", "onFailure"}, f"stage {stage['name']}")
    return Conditions(
        before_entry=_conditions(stage, "beforeEntry", region=region),
        on_success=_conditions(stage, "onSuccess", region=region),
        on_failure=_failure(stage) if "onFailure" in stage else None,
    )


def _conditions(stage: Mapping[str, Any], kind: str, *, region: str) -> tuple[Condition, ...]:
    place = f"{kind} of stage {stage['name']}"
    _check(stage.get(kind, {}), {"conditions"}, place)
    found = stage.get(kind, {}).get("conditions", [])
    for condition in found:
        _check(condition, {"result", "rules"}, place)
        if condition["result"] not in _RESULTS[kind]:
            raise DeliveryError(f"A rehearsal does not know the result {condition['result']} in {place}.")
    return tuple(
        Condition(
            result=condition["result"],
            rules=tuple(_rule(rule, place, region=region) for rule in condition["rules"]),
        )
        for condition in found
    )


def _rule(rule: Mapping[str, Any], place: str, *, region: str) -> Rule:
    _check(rule, {"name", "ruleTypeId", "configuration", "region", "roleArn"}, place)
    return Rule(
        name=rule["name"],
        provider=rule["ruleTypeId"]["provider"],
        configuration=rule.get("configuration", {}),
        region=rule.get("region", region),
        role_arn=rule.get("roleArn"),
    )


def _failure(stage: Mapping[str, Any]) -> Failure:
    failure, place = stage["onFailure"], f"onFailure of stage {stage['name']}"
    _check(failure, {"result", "retryConfiguration"}, place)
    if failure["result"] not in {ROLLBACK, RETRY}:
        raise DeliveryError(f"A rehearsal does not know the result {failure['result']} in {place}.")
    mode = failure.get("retryConfiguration", {}).get("retryMode", "FAILED_ACTIONS")
    return Failure(result=failure["result"], all_actions=mode == "ALL_ACTIONS")


def _check(found: Mapping[str, Any], known: Set[str], where: str) -> None:
    if unknown := set(found) - known:
        raise DeliveryError(f"A rehearsal does not know {', '.join(sorted(unknown))} in {where}.")
