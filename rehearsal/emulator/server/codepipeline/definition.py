"""A pipeline's definition: what stands in the template is what the API tells, in the API's spelling.

The runner carries out what `GetPipeline` answers, so a property lost here would be a gate lost in the rehearsal:
a property that is not known is refused, never dropped.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.emulator.server.codepipeline.state import Json

_DEFINITION = {
    "ArtifactStore",
    "ArtifactStores",
    "ExecutionMode",
    "PipelineType",
    "RoleArn",
    "Stages",
    "Triggers",
    "Variables",
}
_BESIDE_IT = {"DisableInboundStageTransitions", "Name", "RestartExecutionOnUpdate", "Tags"}
_DEFAULTS = {"executionMode": "SUPERSEDED", "pipelineType": "V1"}
_FEWEST_STAGES = 2


def from_template(*, name: str, properties: Mapping[str, Any]) -> Json:
    """The definition in the API's camelCase, checked as the service checks it."""
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
    """A template's scalar as the API has it: configuration values are strings there."""
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
    """The structure rules of the service that a generated template could break."""
    stages = definition.get("stages", [])
    if len(stages) < _FEWEST_STAGES or not _distinct(stages):
        raise ValueError("A pipeline needs at least two stages, and each stage a name of its own.")
    for position, stage in enumerate(stages):
        actions = stage.get("actions", [])
        if not actions or not _distinct(actions):
            raise ValueError(f"Stage {stage['name']} needs an action, and each action a name of its own.")
        if any((action["actionTypeId"]["category"] == "Source") != (position == 0) for action in actions):
            raise ValueError("The first stage of a pipeline holds all its source actions and nothing else.")
    produced: set[str] = set()
    for action in _in_order(stages):
        wanted = {artifact["name"] for artifact in action["inputArtifacts"]}
        if missing := wanted - produced:
            raise ValueError(f"No earlier action produces {sorted(missing)}, which {action['name']} wants.")
        produced |= {artifact["name"] for artifact in action["outputArtifacts"]}


def _distinct(items: list[Json]) -> bool:
    return len({item["name"] for item in items}) == len(items)


def _in_order(stages: list[Json]) -> Iterator[Json]:
    for stage in stages:
        yield from sorted(stage["actions"], key=lambda action: int(action["runOrder"]))
