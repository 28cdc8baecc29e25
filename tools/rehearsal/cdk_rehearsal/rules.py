"""The rules of a stage's conditions, evaluated one after the other until one fails."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cdk_rehearsal.assembly import Environment
from cdk_rehearsal.conditions import SKIP, Condition, Rule, Window
from cdk_rehearsal.errors import DeliveryError, check_known
from cdk_rehearsal.pipeline import Namespaces, resolve
from cdk_rehearsal.results import ActionResult
from cdk_rehearsal.roles import assume
from cdk_rehearsal.workplace import Workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome of a rule."""

    holds: bool
    says: str
    note: str = ""  # what AWS would have done as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Evaluates rules in the pipeline's account and region, with the variables of earlier actions."""

    workplace: Workplace
    home: Environment
    key: str  # the access key of the pipeline's role
    namespaces: Namespaces

    def ask(self, rule: Rule) -> Answer:
        """Evaluate a rule."""
        providers: Mapping[str, Callable[[Rule], Answer]] = {
            "CloudWatchAlarm": self._alarm,
            "DeploymentWindow": self._window,
            "VariableCheck": self._variable,
        }
        if rule.provider not in providers:
            raise DeliveryError(f"A rehearsal cannot evaluate rule {rule.name}: it knows no rule of {rule.provider}.")
        return providers[rule.provider](rule)

    def _alarm(self, rule: Rule) -> Answer:
        """ALARM does not hold; OK does, and so does INSUFFICIENT_DATA, as on AWS."""
        configuration = _configuration(rule, {"AlarmName", "WaitTime"})
        emulator, key = self.workplace.emulator, self.key
        if rule.role_arn is not None:
            key = assume(rule.role_arn, emulator=emulator, home=self.home, session="alarm-rule", key=key)
        client = emulator.client("cloudwatch", account=key, region=rule.region)
        name = configuration["AlarmName"]
        found = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]  # composite ones only where asked for
        if not found:
            return Answer(holds=False, says=f"{name} does not exist in {rule.region}")
        state = found[0]["StateValue"]
        minutes = configuration.get("WaitTime", "0")
        note = f"{rule.name} looked at {name} once, instead of for {minutes} minutes" if minutes != "0" else ""
        return Answer(holds=state != "ALARM", says=f"{name} is {state}", note=note)

    def _window(self, rule: Rule) -> Answer:
        """A closed window is reported and not waited for."""
        configuration = _configuration(rule, {"Cron", "TimeZone"})
        zone = configuration.get("TimeZone", "UTC")
        window, now = Window.parse(configuration["Cron"], time_zone=zone), datetime.now(UTC)
        if window.is_open(now):
            return Answer(holds=True, says=f"the window is open ({configuration['Cron']} {zone})")
        opens = window.opens(now)
        until = f"until {opens:%A %H:%M} {zone}" if opens else "for more than two weeks"
        return Answer(
            holds=True,
            says=f"the window is closed {until}; a rehearsal does not wait",
            note=f"{rule.name} was not waited for {until}",
        )

    def _variable(self, rule: Rule) -> Answer:
        configuration = _configuration(rule, {"Variable", "Value", "Operator"})
        value, wanted = resolve(configuration["Variable"], self.namespaces), configuration["Value"]
        operators: Mapping[str, Callable[[], bool]] = {
            "EQ": lambda: value == wanted,
            "NE": lambda: value != wanted,
            "CONTAINS": lambda: wanted in value,
            "MATCHES": lambda: re.fullmatch(wanted, value) is not None,
        }
        operator = configuration["Operator"]
        if operator not in operators:
            raise DeliveryError(f"A rehearsal does not know the operator {operator} of rule {rule.name}.")
        return Answer(holds=operators[operator](), says=f"{configuration['Variable']} is {value!r}")


def _configuration(rule: Rule, known: set[str]) -> Mapping[str, str]:
    check_known(rule.configuration, known, f"of rule {rule.name}")
    return rule.configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A condition that failed."""

    result: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Asked:
    """The evaluated rules as lines of the report, and the condition that failed."""

    results: list[ActionResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: Missed | None = None


def ask(conditions: Iterable[Condition], *, asker: Asker, stage: str, kind: str) -> Asked:
    """Evaluate the rules of a stage's conditions of one kind, until one fails."""
    asked = Asked()
    for condition in conditions:
        for rule in condition.rules:
            started = time.monotonic()
            with asker.workplace.console.step(f"{stage} / {kind}: {rule.name}") as step:
                answer = asker.ask(rule)
                step.note = answer.says
            otherwise = "Skipped" if condition.result == SKIP else "Failed"
            asked.results.append(
                ActionResult(
                    stage=stage,
                    action=f"{kind}: {rule.name}",
                    provider="Rule",
                    status="Succeeded" if answer.holds else otherwise,
                    seconds=time.monotonic() - started,
                    summary=answer.says,
                    log="",
                )
            )
            if answer.note:
                asked.notes.append(f"Stage {stage}: {answer.note}")
            if not answer.holds:
                reason = f"Stage {stage} is held by its condition {kind} ({rule.name}): {answer.says}."
                asked.missed = Missed(result=condition.result, reason=reason)
                return asked
    return asked
