"""The gates of a delivery as a document: whoever changes one changes it, and that is told."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_codepipeline as codepipeline

from stages.settings_error import SettingsError

PARAMETER = "/payment/delivery/gates"
LONGEST = 8192
"""Characters of an advanced SSM parameter, which it becomes above 4096: with some eight environments."""
GATES = {"Manual": " is approved", "Lambda": " judges", "CodeBuild": " passes"}
"""What an action has to do before the next one runs, by its provider; the others deploy."""


def gates_document(
    pipeline: codepipeline.Pipeline, *, conditions: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> str:
    """How releases follow each other, and every stage with its actions in order and its conditions, as JSON.

    Args:
        pipeline: The pipeline, built.
        conditions: The V2 conditions by stage and kind, as they were put on it.

    Raises:
        SettingsError: When it does not fit into an SSM parameter.
    """
    resource = pipeline.node.default_child
    assert isinstance(resource, codepipeline.CfnPipeline)  # noqa: S101 - an L2 construct's default child
    # Once and as a whole: an action's properties, asked for one by one, are a message to the CDK each.
    declared = Stack.of(pipeline).resolve(resource.stages)
    stages = {stage["name"]: list(_gates(stage["actions"], conditions.get(stage["name"], {}))) for stage in declared}
    text = json.dumps({"Releases": resource.execution_mode, "Stages": stages}, indent=1)
    if len(text) > LONGEST:
        raise SettingsError(
            [
                f"delivery.environments has more gates than {PARAMETER} can carry "
                f"({len(text)} of {LONGEST} characters): deliver to fewer environments, or in two pipelines."
            ]
        )
    return text


def _gates(actions: Sequence[Mapping[str, Any]], conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for action in sorted(actions, key=lambda action: (action["runOrder"], action["name"])):
        yield f"{action['name']}{GATES.get(action['actionTypeId']['provider'], '')}"
    for name, condition in sorted(conditions.items()):
        yield f"{name}: {_told(condition)}"


def _told(condition: Mapping[str, Any]) -> str:
    rules = [
        f"{rule['RuleTypeId']['Provider']} {json.dumps(rule['Configuration'], sort_keys=True)} or {each['Result']}"
        for each in condition.get("Conditions", [])
        for rule in each["Rules"]
    ]
    return "; ".join([*([condition["Result"]] if "Result" in condition else []), *rules])
