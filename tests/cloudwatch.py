"""Evaluates the alarms of a template as CloudWatch documents it: metric math, missing data and composite rules.

Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html ("Missing values in a
time series are treated as 0"; a division by zero drops the data point).
Alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import ast
import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean
from typing import Any

from tests.templates import references

Number = float | None
Reported = Number | Callable[[int], Number]
"""The value of each minute, or the value by minute; None where AWS reports nothing."""

HOUR = 60
EXTRA = 2
"""Data points that an alarm reads besides its evaluation periods. AWS documents that it reads more, not how many; its
examples have two more."""

SETTLED = 5 * 60
"""Minutes after which an alarm with periods of minutes shows all that it will show of a constant failure."""

STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": fmean,
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "SampleCount": sum,  # the values of the minutes are numbers of requests
    "p99": max,  # the values of the minutes are percentiles already
}
OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
COMPARISONS = {"GreaterThanThreshold": operator.gt, "LessThanThreshold": operator.lt}


@dataclass(frozen=True, kw_only=True)
class Series:
    """What AWS reports before and from minute 0 on.

    A key is the name of a metric and, where they matter, words that its dimensions contain.
    """

    before: Mapping[str, Reported]
    after: Mapping[str, Reported]
    _known: dict[str, tuple[Reported, Reported]] = field(default_factory=dict)

    def changes(self, metric: str) -> bool:
        """Whether the metric is among those that change at minute 0."""
        return any(_matches(key, metric) for key in self.after)

    def window(self, metric: str, end: int, minutes: int) -> list[float]:
        """The values that were reported in the minutes up to the last one."""
        if metric not in self._known:
            old = next((self.before[key] for key in self.before if _matches(key, metric)), metric)
            new = next((self.after[key] for key in self.after if _matches(key, metric)), old)
            assert metric not in (old, new), f"{metric}: add what AWS reports on an ordinary day to NORMAL in the table"
            self._known[metric] = (old, new)  # type: ignore[assignment]
        old, new = self._known[metric]
        start = end - minutes + 1
        reported: list[Number] = []
        for source, first, last in ((old, start, min(end, -1)), (new, max(start, 0), end)):
            if callable(source):
                reported += [source(minute) for minute in range(first, last + 1)]
            else:
                reported += [source] * (last + 1 - first)
        return [value for value in reported if value is not None]


def _matches(key: str, metric: str) -> bool:
    name, *words = key.split()
    return f'"MetricName": "{name}"' in metric and all(word in metric for word in words)


class MetricAlarm:
    """A metric alarm of a template."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self.properties = properties
        queries = properties.get("Metrics") or [
            {"MetricStat": {"Metric": properties, "Period": properties["Period"], "Stat": properties.get("Statistic")}}
        ]
        self._stats: dict[str, tuple[str, str]] = {}
        periods = set()
        for query in queries:
            if stat := query.get("MetricStat"):
                metric = {key: stat["Metric"].get(key) for key in ("Namespace", "MetricName", "Dimensions")}
                self._stats[query.get("Id", "m")] = (json.dumps(metric), stat["Stat"])
                periods.add(stat["Period"] // 60)
        (self.length,) = periods  # minutes of a data point
        (expression,) = [query["Expression"] for query in queries if query.get("ReturnData")] or ["m"]
        self._expression = ast.parse(expression, mode="eval").body
        self._needed = properties["EvaluationPeriods"]
        self._datapoints = properties.get("DatapointsToAlarm", self._needed)

    def changes(self, series: Series) -> bool:
        """Whether any metric of the alarm changes at minute 0, or nothing does: an ordinary day."""
        return not series.after or any(series.changes(metric) for metric, _ in self._stats.values())

    def first_on(self, series: Series, *, minutes: int, gaps: bool = False) -> int | None:
        """The minute in which the alarm is first on; one with periods of an hour and more is evaluated each hour."""
        step = HOUR if self.length >= HOUR else 1
        end = minutes if step > 1 else min(minutes, SETTLED)
        return next((minute for minute in range(0, end + 1, step) if self.is_on(series, minute, gaps=gaps)), None)

    def is_on(self, series: Series, minute: int, *, gaps: bool = False) -> bool:
        """Whether the alarm is on at the end of a minute.

        With ``gaps``, metric math has no value where no metric of the expression has one, not even a filled one. AWS
        does not document which it is, so no alarm may depend on it.
        """
        points = [point for point in self._points(series, minute, gaps=gaps) if point is not None][-self._needed :]
        compare, threshold = COMPARISONS[self.properties["ComparisonOperator"]], self.properties["Threshold"]
        breaching = sum(compare(point, threshold) for point in points)
        if self.properties["TreatMissingData"] == "breaching":
            breaching += self._needed - len(points)
        return bool(breaching >= self._datapoints)

    def _points(self, series: Series, minute: int, *, gaps: bool) -> list[Number]:
        """The data points that the alarm reads, the oldest first."""
        number = self._needed + EXTRA + 1  # one more for DIFF
        ends = [minute - self.length * (number - 1 - index) for index in range(number)]
        read: dict[str, list[Number]] = {}
        for name, (metric, stat) in self._stats.items():
            windows = [series.window(metric, end, self.length) for end in ends]
            read[name] = [STATISTICS[stat](window) if window else None for window in windows]
        result = _evaluate(self._expression, read)
        empty = [all(values[index] is None for values in read.values()) for index in range(number)]
        return [None if gaps and empty[index] else result[index] for index in range(1, number)]


class CompositeAlarm:
    """A composite alarm of a template, over all or any of other alarms."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self.properties = properties
        self.parts = list(references(properties["AlarmRule"]))
        self._all = " AND " in json.dumps(properties["AlarmRule"])

    def first_on(
        self, alarms: "Alarms", found: Mapping[str, int | None], series: Series, *, minutes: int, gaps: bool
    ) -> int | None:
        """The minute in which the alarm is first on, from those of others; all of them are looked at each hour."""
        known = [minute for part in self.parts if (minute := found[part]) is not None]
        if not self._all:
            return min(known, default=None)
        if len(known) < len(self.parts):
            return None
        parts = [alarms[part] for part in self.parts]
        return next(
            (
                minute
                for minute in range(max(known), minutes + 1, HOUR)
                if all(isinstance(part, MetricAlarm) and part.is_on(series, minute, gaps=gaps) for part in parts)
            ),
            None,
        )


Alarms = Mapping[str, MetricAlarm | CompositeAlarm]
"""By logical id."""


def read_alarms(properties: Mapping[str, Mapping[str, Any]]) -> Alarms:
    """The alarms of a template, from their properties."""
    return {
        name: CompositeAlarm(alarm) if "AlarmRule" in alarm else MetricAlarm(alarm)
        for name, alarm in properties.items()
    }


def first_minutes(alarms: Alarms, series: Series, *, minutes: int, gaps: bool = False) -> dict[str, int | None]:
    """The minute in which each alarm is first on, or None.

    An alarm without a change is as before minute 0: off, unless a test looks at nothing but that.
    """
    found = {
        name: alarm.first_on(series, minutes=minutes, gaps=gaps) if alarm.changes(series) else None
        for name, alarm in alarms.items()
        if isinstance(alarm, MetricAlarm)
    }
    composites = {name: alarm for name, alarm in alarms.items() if isinstance(alarm, CompositeAlarm)}
    # The health alarm is over the others.
    for name, alarm in sorted(composites.items(), key=lambda item: len(item[1].parts)):
        found[name] = alarm.first_on(alarms, found, series, minutes=minutes, gaps=gaps)
    return found


def _evaluate(node: ast.expr, read: Mapping[str, list[Number]]) -> list[Number]:
    """An expression of metric math, which has the syntax of a Python expression."""
    number = len(next(iter(read.values())))
    match node:
        case ast.Constant(value=float() | int() as value):
            return [float(value)] * number
        case ast.Name(id=name):
            return read[name]
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return [one / other if other else None for one, other in _pairs(left, right, read)]
        case ast.BinOp(left=left, op=action, right=right) | ast.Compare(left=left, ops=[action], comparators=[right]):
            return [float(OPERATORS[type(action)](one, other)) for one, other in _pairs(left, right, read)]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](*(_evaluate(each, read) for each in arguments))
    raise NotImplementedError(f"{ast.unparse(node)}: add it to tests/cloudwatch.py, with AWS's page")


def _fill(values: list[Number], fills: list[Number]) -> list[Number]:
    return [fill if value is None else value for value, fill in zip(values, fills, strict=True)]


def _diff(values: list[Number]) -> list[Number]:
    return [None, *(None if old is None or new is None else new - old for old, new in pairwise(values))]


def _if(condition: list[Number], yes: list[Number], no: list[Number]) -> list[Number]:
    return [one if truth else other for truth, one, other in zip(condition, yes, no, strict=True)]


FUNCTIONS: Mapping[str, Callable[..., list[Number]]] = {"FILL": _fill, "DIFF": _diff, "IF": _if}


def _pairs(left: ast.expr, right: ast.expr, read: Mapping[str, list[Number]]) -> Iterator[tuple[float, float]]:
    for one, other in zip(_evaluate(left, read), _evaluate(right, read), strict=True):
        yield one or 0.0, other or 0.0
