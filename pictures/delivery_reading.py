"""Reads the delivery out of the template of the stack that holds the pipeline."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pictures.delivery import TOOLING, Action, Condition, Delivery, Place, Stage
from tests.templates import Assembly

Json = Mapping[str, Any]

STACK = "PipelineStack"
_ACCOUNT = re.compile(r"::(\d{12}):role/")
_COMMAND = re.compile(r"(?P<tool>make|cdk)\b.*?\b(?P<what>(?<=make )[a-z-]+|deploy \S+)")


def delivery(assembly: Assembly) -> Delivery:
    """The delivery of an assembly."""
    environment = assembly.stacks[STACK].environment
    reading = _Reading(assembly, home=environment.account, region=environment.region)
    return Delivery(
        stack=STACK,
        home=Place(owner=TOOLING, region=environment.region),
        stages=tuple(reading.stage(stage) for stage in assembly.pipeline_stages()),
    )


class _Reading:
    def __init__(self, assembly: Assembly, *, home: str, region: str) -> None:
        self._home, self._region = home, region
        self._projects = assembly.resources(STACK, "AWS::CodeBuild::Project")
        self._stacks = {stack.name: stack.id.split("/") for stack in assembly.stacks.values()}
        self._accounts = {
            stack.id.split("/")[1]: stack.environment.account
            for stack in assembly.stacks.values()
            if stack.id.startswith(f"{STACK}/")
        }

    def stage(self, stage: Json) -> Stage:
        name = stage["Name"]
        actions = [self._action(action, stage=name) for action in stage["Actions"]]
        return Stage(
            name=name,
            actions=tuple(sorted(actions, key=lambda action: (action.order, action.name))),
            conditions=tuple(_conditions(stage)),
        )

    def _action(self, action: Json, *, stage: str) -> Action:
        settings = action.get("Configuration", {})
        asked = json.loads(settings["UserParameters"]) if "UserParameters" in settings else {}
        project = (
            self._projects.get(settings.get("ProjectName", {}).get("Ref"), {}) if "ProjectName" in settings else {}
        )
        given = project.get("Environment", {}).get("EnvironmentVariables", [])
        variables = {variable["Name"]: variable["Value"] for variable in given}
        stack = self._stacks.get(settings.get("StackName") or asked.get("stack", ""), [""])
        return Action(
            name=action["Name"].removeprefix(f"{stack[-1]}."),
            category=action["ActionTypeId"]["Category"],
            order=action["RunOrder"],
            stack=stack[-1],
            place=Place(
                owner=self._owner(action.get("RoleArn") or asked.get("role") or variables.get("ROLE_ARN"), stage=stage),
                region=action.get("Region") or asked.get("region") or variables.get("REGION") or self._region,
            ),
            commands=tuple(_commands(project)),
        )

    def _owner(self, role: object, *, stage: str) -> str:
        """Whose account a role is of; the stage's own environment, where several share one."""
        found = _ACCOUNT.search(json.dumps(role))
        account = found[1] if found else self._home
        if found and self._accounts.get(stage) == account:
            return stage
        owners = (
            [TOOLING] if account == self._home else [name for name, own in self._accounts.items() if own == account]
        )
        return owners[0] if owners else "Unknown"


def _conditions(stage: Json) -> Iterator[Condition]:
    for when in ("BeforeEntry", "OnSuccess", "OnFailure"):
        given = stage.get(when, {})
        if "Result" in given:
            yield Condition(when=when, result=given["Result"], rule="", settings={})
        for condition in given.get("Conditions", []):
            for rule in condition["Rules"]:
                yield Condition(
                    when=when,
                    result=condition["Result"],
                    rule=rule["RuleTypeId"]["Provider"],
                    settings=rule["Configuration"],
                )


def _commands(project: Json) -> Iterator[str]:
    if "Source" in project:
        for command in json.loads(project["Source"]["BuildSpec"])["phases"]["build"]["commands"]:
            if found := _COMMAND.match(command):
                yield f"{found['tool']} {found['what']}"
