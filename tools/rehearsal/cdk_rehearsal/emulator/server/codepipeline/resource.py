"""AWS::CodePipeline::Pipeline: an update that changes the structure creates a version and cancels running executions.

A self-mutating pipeline relies on it: its running execution is cancelled, and with RestartExecutionOnUpdate a new one
starts. An update that does not change the structure does neither.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cdk_rehearsal.emulator.server.codepipeline.state import UNFINISHED, Json, Pipeline, lock, pipelines

_DEFINITION = {
    "ArtifactStore", "ArtifactStores", "ExecutionMode", "PipelineType", "RoleArn", "Stages", "Triggers", "Variables",
}  # fmt: skip
_BESIDE_IT = {"DisableInboundStageTransitions", "Name", "RestartExecutionOnUpdate", "Tags"}
_DEFAULTS = {"executionMode": "SUPERSEDED", "pipelineType": "V1"}
_FEWEST_STAGES = 2


def from_template(*, name: str, properties: Mapping[str, Any]) -> Json:
    """The definition in the API's camelCase, validated like the service does."""
    if unknown := set(properties) - _DEFINITION - _BESIDE_IT:
        raise ValueError(f"AWS::CodePipeline::Pipeline has no property {', '.join(sorted(unknown))}.")
    definition: Json = _camel({key: value for key, value in properties.items() if key in _DEFINITION})
    if stores := definition.get("artifactStores"):
        definition["artifactStores"] = {store["region"]: store["artifactStore"] for store in stores}
    for stage in definition.get("stages", []):
        for action in stage.get("actions", []):
            action["runOrder"] = int(action.get("runOrder", 1))
            action.setdefault("inputArtifacts", [])
            action.setdefault("outputArtifacts", [])
    _check(definition)
    return _DEFAULTS | definition | {"name": name}


def text(value: object) -> str:
    """A scalar of a template as the API returns it: configuration values are strings."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _camel(value: object) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    translated: Json = {}
    for key, item in value.items():
        # The keys inside a Configuration are the action provider's own and keep their spelling.
        configuration = key == "Configuration" and isinstance(item, dict)
        translated[key[:1].lower() + key[1:]] = (
            {name: text(setting) for name, setting in item.items()} if configuration else _camel(item)
        )
    return translated


def _check(definition: Json) -> None:
    """Raise for the structure rules of the service that a generated template could break."""
    stages = definition.get("stages", [])
    if len(stages) < _FEWEST_STAGES or not _distinct(stages):
        raise ValueError("A pipeline needs at least two stages with different names.")
    for position, stage in enumerate(stages):
        actions = stage.get("actions", [])
        if not actions or not _distinct(actions):
            raise ValueError(f"Stage {stage['name']} needs at least one action, and its actions different names.")
        if any((action["actionTypeId"]["category"] == "Source") != (position == 0) for action in actions):
            raise ValueError("The first stage of a pipeline contains all source actions, and only those.")
    produced: set[str] = set()
    for action in _in_order(stages):
        wanted = {artifact["name"] for artifact in action["inputArtifacts"]}
        if missing := wanted - produced:
            raise ValueError(f"No earlier action produces {sorted(missing)}, an input of {action['name']}.")
        produced |= {artifact["name"] for artifact in action["outputArtifacts"]}


def _distinct(items: list[Json]) -> bool:
    return len({item["name"] for item in items}) == len(items)


def _in_order(stages: list[Json]) -> Iterator[Json]:
    for stage in stages:
        yield from sorted(stage["actions"], key=lambda action: int(action["runOrder"]))


CANCELLED_BY_UPDATE = "The pipeline's definition was updated before the pipeline execution could be completed."
_LONGEST_NAME = 100


def _create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    name: str = properties.get("Name") or f"{stack_name}-{logical_id}"[:_LONGEST_NAME]
    first = from_template(name=name, properties=properties) | {"version": 1}
    with lock:
        if name in pipelines:
            raise ValueError(f"A pipeline with the name '{name}' already exists.")
        pipelines[name] = pipeline = Pipeline(versions=[first], disabled=_disabled(properties))
        pipeline.start(trigger={"triggerType": "CreatePipeline", "triggerDetail": stack_name})
    return name, {"Version": "1"}


def _update(
    physical_id: str, _old: Mapping[str, Any], properties: Mapping[str, Any], stack_name: str
) -> tuple[str, dict[str, str]]:
    if properties.get("Name", physical_id) != physical_id:
        return _create("", properties, stack_name)  # a replacement: CloudFormation deletes the old one
    with lock:
        pipeline: Pipeline = pipelines[physical_id]
        pipeline.disabled = _disabled(properties)
        version = pipeline.definition["version"]
        wanted = from_template(name=physical_id, properties=properties)
        if wanted | {"version": version} != pipeline.definition:
            version += 1
            pipeline.versions.append(wanted | {"version": version})
            pipeline.updated = time.time()
            for execution in pipeline.executions:
                if execution.status in UNFINISHED:
                    execution.end(status="Cancelled", summary=CANCELLED_BY_UPDATE)
            if text(properties.get("RestartExecutionOnUpdate", False)) == "true":
                pipeline.start(trigger={"triggerType": "StartPipelineExecution", "triggerDetail": stack_name})
    return physical_id, {"Version": str(version)}


def _delete(physical_id: str, _properties: Mapping[str, Any]) -> None:
    with lock:
        pipelines.pop(physical_id, None)


def _disabled(properties: Mapping[str, Any]) -> dict[str, str]:
    transitions = properties.get("DisableInboundStageTransitions", [])
    return {transition["StageName"]: transition["Reason"] for transition in transitions}


RESOURCE_TYPES: dict[str, dict[str, Callable[..., Any]]] = {
    "AWS::CodePipeline::Pipeline": {"create": _create, "update": _update, "delete": _delete},
}
