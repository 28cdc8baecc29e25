"""What docs/delivery.svg shows: the pipeline's stages with their actions and conditions."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tools.pictures.assembly import Stack


def delivery(stacks: Mapping[str, Stack]) -> tuple[dict[str, str], list[str]]:
    """The fields and the facts: `stage>next stage`, `stage/run order/action/provider@account`, and conditions."""
    name, stack = next((name, stack) for name, stack in stacks.items() if stack.of("CodePipeline::Pipeline"))
    (pipeline,) = stack.of("CodePipeline::Pipeline")
    facts = [f"{stage['Name']}>{following['Name']}" for stage, following in pairwise(pipeline["Stages"])]
    facts += ["RestartExecutionOnUpdate"] * pipeline.get("RestartExecutionOnUpdate", False)
    fields, regions = {"pipeline_stack": name}, dict[str, set[str]]()
    for stage in pipeline["Stages"]:
        facts += _conditions(stage, fields)
        account = stacks.get(f"{stage['Name']}-Payment", stack).account
        for action in stage["Actions"]:
            settings, provider = action.get("Configuration", {}), action["ActionTypeId"]["Provider"]
            project = stack.resources.get(settings.get("ProjectName", {}).get("Ref"), {}).get("Properties", {})
            given = project.get("Environment", {}).get("EnvironmentVariables", [])
            where = {each["Name"].lower(): each["Value"] for each in given}
            parameters = settings.get("UserParameters", "{}")
            where |= json.loads(parameters) if isinstance(parameters, str) else {}  # else it has a reference
            role = re.search(r"::(\d{12}):role/", json.dumps([action, where.get("role"), where.get("role_arn")]))
            owner = {"": "Tooling", account: stage["Name"]}.get(role[1] if role else "", "another-account")
            called = "Source" if stage["Name"] == "Source" else action["Name"]  # a setting: the repository
            facts.append(f"{stage['Name']}/{action['RunOrder']}/{called}/{provider}@{owner}")
            place = owner if owner == "Tooling" else f"{stage['Name']}_{action['Name'].partition('.')[0]}"
            regions.setdefault(place, set()).add(action.get("Region") or where.get("region") or stack.region)
            if stage["Name"] == "Build" and project:
                commands = json.loads(project["Source"]["BuildSpec"])["phases"]["build"]["commands"]
                fields["build"] = ", ".join(command.removeprefix("make ") for command in commands)
    return fields | {f"{place}_region".lower(): ", ".join(sorted(found)) for place, found in regions.items()}, facts


def _conditions(stage: Mapping[str, Any], fields: dict[str, str]) -> Iterator[str]:
    """A stage's conditions as `stage/kind/rule/result`; adds their fields."""
    for kind in ("BeforeEntry", "OnSuccess", "OnFailure"):
        if result := stage.get(kind, {}).get("Result"):
            yield f"{stage['Name']}/{kind}/{result}"
        for condition in stage.get(kind, {}).get("Conditions", []):
            for rule in condition["Rules"]:
                looked_at, settings, slug = rule["RuleTypeId"]["Provider"], rule["Configuration"], stage["Name"].lower()
                if looked_at == "CloudWatchAlarm":
                    fields[f"{slug}_minutes"] = settings["WaitTime"]
                elif looked_at == "DeploymentWindow":
                    _, _, hours, _, _, days, _ = settings["Cron"].split()
                    first, _, last = hours.partition("-")
                    fields[f"{slug}_window"] = f"{days.title()} {first}:00 to {last or first}:59 {settings['TimeZone']}"
                elif looked_at == "VariableCheck":
                    looked_at = settings["Variable"].strip("#{}").rpartition(".")[2]
                yield f"{stage['Name']}/{kind}/{looked_at}/{condition['Result']}"
