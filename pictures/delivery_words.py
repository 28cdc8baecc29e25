"""What the conditions of a stage say, in words that fit into a picture."""

from pictures.delivery import Condition

_RESULTS = {"FAIL": "stopped", "ROLLBACK": "rolled back", "SKIP": "skipped", "RETRY": "tried once more"}
_VARIABLES = {"PLAN_BROADENS": "the plan broadens permissions or network"}


def result(condition: Condition) -> str:
    """What becomes of the stage."""
    return _RESULTS.get(condition.result, condition.result.lower())


def holds(condition: Condition) -> tuple[str, ...]:
    """What a condition asks for, and what becomes of a release that it holds, in short lines."""
    settings = condition.settings
    asked: tuple[str, ...]
    match condition.rule:
        case "DeploymentWindow":
            hours, days = settings["Cron"].split()[2], settings["Cron"].split()[5]
            first, _, last = hours.partition("-")
            asked = (f"Opens {days.title()}, {first}:00 to {last or first}:59, {settings['TimeZone']}",)
        case "CloudWatchAlarm":
            asked = ("Gate alarm", f"quiet for {settings['WaitTime']} min")
        case "VariableCheck":
            variable = settings["Variable"].strip("#{}").rpartition(".")[2]
            asked = (f"Asked only where {_VARIABLES.get(variable, variable)}",)
        case other:
            asked = (other,)
    return *asked, f"else {result(condition)}"
