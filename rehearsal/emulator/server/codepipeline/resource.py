"""AWS::CodePipeline::Pipeline: a changed structure is a new version, and ends what was running.

That is how a pipeline that deploys itself notices: its running execution is cancelled, and with
RestartExecutionOnUpdate a new one starts. An update that changes nothing in the structure does neither.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.emulator.server.codepipeline import definition
from rehearsal.emulator.server.codepipeline.state import UNFINISHED, Pipeline, lock, pipelines

CANCELLED_BY_UPDATE = "The pipeline's definition was updated before the pipeline execution could be completed."
_LONGEST_NAME = 100


def _create(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    name: str = properties.get("Name") or f"{stack_name}-{logical_id}"[:_LONGEST_NAME]
    first = definition.from_template(name=name, properties=properties) | {"version": 1}
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
        wanted = definition.from_template(name=physical_id, properties=properties)
        if wanted | {"version": version} != pipeline.definition:
            version += 1
            pipeline.versions.append(wanted | {"version": version})
            pipeline.updated = time.time()
            for execution in pipeline.executions:
                if execution.status in UNFINISHED:
                    execution.end(status="Cancelled", summary=CANCELLED_BY_UPDATE)
            if definition.text(properties.get("RestartExecutionOnUpdate", False)) == "true":
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
