"""The gates of a delivery as a document: whoever changes one changes it, and that is told."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import aws_codepipeline as codepipeline

PARAMETER = "/payment/delivery/gates"
LONGEST = 4096
"""Characters of a standard SSM parameter."""


def gates_document(
    stages: Sequence[codepipeline.IStage], *, conditions: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> str:
    """Every stage with what stands in a release's way there, as JSON.

    Args:
        stages: The stages of the built pipeline.
        conditions: The V2 conditions by stage and kind, as they were put on it.

    Raises:
        ValueError: When it does not fit into a standard SSM parameter.
    """
    document = {stage.stage_name: list(_gates(stage, conditions.get(stage.stage_name, {}))) for stage in stages}
    text = json.dumps(document, indent=1)
    if len(text) > LONGEST:
        raise ValueError(f"{PARAMETER} would have {len(text)} characters, more than the {LONGEST} that it may have.")
    return text


def _gates(stage: codepipeline.IStage, conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for action in stage.actions:
        properties = action.action_properties
        kind = (properties.category, properties.provider)
        if kind == (codepipeline.ActionCategory.APPROVAL, "Manual"):
            yield f"{properties.action_name} is approved"
        elif kind == (codepipeline.ActionCategory.INVOKE, "Lambda"):
            yield f"{properties.action_name} judges"
        elif properties.provider == "CodeBuild":
            yield f"{properties.action_name} passes"
    for name, condition in sorted(conditions.items()):
        yield f"{name}: {_told(condition)}"


def _told(condition: Mapping[str, Any]) -> str:
    rules = [
        f"{rule['RuleTypeId']['Provider']} {json.dumps(rule['Configuration'], sort_keys=True)} or {each['Result']}"
        for each in condition.get("Conditions", [])
        for rule in each["Rules"]
    ]
    return "; ".join([*([condition["Result"]] if "Result" in condition else []), *rules])
