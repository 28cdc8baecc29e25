"""Each alarm fires in the failures that it exists for, and in no others: tests/scenarios.py."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.alarms import alarms as alarms_in
from tests.alarms import templates_by_region
from tests.cloudwatch import Alarms, CompositeAlarm, MetricAlarm, Series, first_minutes, read_alarms
from tests.scenarios import SCENARIOS, Scenario
from tests.templates import Assembly

ENVIRONMENT = "Prod"
PRIMARY, RECOVERY = "ap-southeast-1", "us-west-2"


def of(assembly: Assembly) -> Alarms:
    """The alarms of both regions; a logical id of the recovery region has its prefix."""
    templates = templates_by_region(assembly, ENVIRONMENT)
    found = alarms_in(templates[PRIMARY])
    found |= {f"{RECOVERY}/{name}": alarm for name, alarm in alarms_in(templates[RECOVERY]).items()}
    return read_alarms(found)


@pytest.fixture(scope="module")
def alarms(assembly: Assembly) -> Alarms:
    return of(assembly)


def label(alarms: Alarms, name: str) -> str:
    """An alarm's name without what all names have in common."""
    what = alarms[name].properties["AlarmName"].removeprefix("payment-").removesuffix(f"-{ENVIRONMENT.lower()}")
    return f"{what} ({RECOVERY})" if name.startswith(RECOVERY) else str(what)


def windows(alarms: Alarms) -> set[str]:
    """The parts of the burn rates, which notify only through their composite alarm."""
    burn_rates = [alarm for name, alarm in alarms.items() if label(alarms, name) != "health"]
    return {part for alarm in burn_rates if isinstance(alarm, CompositeAlarm) for part in alarm.parts}


def result(alarms: Alarms, scenario: Scenario, *, gaps: bool = False) -> dict[str, int]:
    """The alarms that the scenario turns on, with their first minute."""
    series = Series(before=scenario.before, after=scenario.after)
    found = first_minutes(alarms, series, minutes=scenario.minutes, gaps=gaps)
    hidden = windows(alarms)
    return {label(alarms, name): minute for name, minute in found.items() if name not in hidden and minute is not None}


@pytest.mark.parametrize("name", SCENARIOS)
def test_these_alarms_and_no_others_are_on(alarms: Alarms, name: str) -> None:
    scenario = SCENARIOS[name]
    found = result(alarms, scenario)
    print(f"{name}: {', '.join(f'{alarm} after {minute} min' for alarm, minute in found.items()) or 'no alarm'}")
    assert found == scenario.on
    assert result(alarms, scenario, gaps=True).keys() == scenario.on.keys(), "make it independent of FILL without data"


def test_every_alarm_is_on_in_a_scenario(alarms: Alarms) -> None:
    fired = {alarm for scenario in SCENARIOS.values() for alarm in scenario.on}
    silent = sorted({label(alarms, name) for name in alarms.keys() - windows(alarms)} - fired)
    assert silent == [], "add the failure that each is for to SCENARIOS"


def loosened(alarm: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A metric alarm with each of its properties changed so that it fires later or not at all."""
    above = alarm["ComparisonOperator"] == "GreaterThanThreshold"
    threshold = alarm["Threshold"]
    yield {**alarm, "Threshold": (2 * threshold or 1) if above else threshold - max(1, threshold / 2)}
    needed = alarm["EvaluationPeriods"]
    if "-short-" not in alarm["AlarmName"]:  # with more periods, the short window of a burn rate only ends later
        yield {
            **alarm,
            "EvaluationPeriods": 2 * needed,
            "DatapointsToAlarm": 2 * alarm.get("DatapointsToAlarm", needed),
        }
    if alarm["TreatMissingData"] == "breaching":
        yield {**alarm, "TreatMissingData": "notBreaching"}
    for index, query in enumerate(alarm.get("Metrics", ())):
        for sample in re.finditer(r">= (\d+)", query.get("Expression", "")):  # with more, a minute or window is no rate
            expression = f"{query['Expression'][: sample.start(1)]}1000000{query['Expression'][sample.end(1) :]}"
            yield {
                **alarm,
                "Metrics": [
                    {**each, "Expression": expression} if number == index else each
                    for number, each in enumerate(alarm["Metrics"])
                ],
            }


def test_loosening_any_alarm_fails_a_scenario(alarms: Alarms) -> None:
    burn_rates = {
        part: name
        for name, alarm in alarms.items()
        if isinstance(alarm, CompositeAlarm)
        for part in alarm.parts
        if label(alarms, name) != "health"
    }
    for name, alarm in alarms.items():
        if isinstance(alarm, CompositeAlarm):
            continue
        whole = burn_rates.get(name, name)
        composite = alarms[whole]
        parts = composite.parts if isinstance(composite, CompositeAlarm) else ()
        few = {each: alarms[each] for each in (name, whole, *parts)}
        shown = label(alarms, whole)
        for change in loosened(alarm.properties):
            weaker = few | {name: MetricAlarm(change)}
            assert any(
                result(weaker, scenario).get(shown) != scenario.on[shown]
                or shown not in result(weaker, scenario, gaps=True)
                for scenario in SCENARIOS.values()
                if shown in scenario.on
            ), f"{label(alarms, name)} with {change}: add a failure that it would miss to SCENARIOS"
