"""How a stage and its actions stand now, as GetPipelineState tells it."""

from collections.abc import Iterator

from rehearsal.emulator.server.codepipeline.state import Action, Execution, Json, Pipeline


def stage_state(pipeline: Pipeline, stage: Json) -> Json:
    """The latest of a stage; a pending approval shows its token."""
    reason = pipeline.disabled.get(stage["name"])
    described: Json = {
        "stageName": stage["name"],
        "inboundTransitionState": {"enabled": True} if reason is None else _disabled(reason),
        "actionStates": [_action_state(pipeline, stage, action["name"]) for action in stage["actions"]],
    }
    for execution in reversed(pipeline.executions):
        if stage["name"] in execution.stages or any(action.stage == stage["name"] for action in execution.actions):
            described["latestExecution"] = {
                "pipelineExecutionId": execution.id,
                "status": _stage_status(execution, stage),
            }
            break
    return described


def _disabled(reason: str) -> Json:
    return {"enabled": False, "disabledReason": reason}


def _stage_status(execution: Execution, stage: Json) -> str:
    if stage["name"] in execution.stages:
        return execution.stages[stage["name"]]
    statuses = [action.status for action in execution.actions if action.stage == stage["name"]]
    if "Failed" in statuses:
        return "Failed"
    if len(statuses) == len(stage["actions"]) and set(statuses) == {"Succeeded"}:
        return "Succeeded"
    return execution.status


def _action_state(pipeline: Pipeline, stage: Json, name: str) -> Json:
    for _, action in _newest_first(pipeline, stage["name"]):
        if action.name == name:
            latest: Json = {
                "actionExecutionId": action.id,
                "status": action.status,
                "lastStatusChange": action.updated,
                "summary": action.summary,
            }
            if action.awaits_approval:
                latest["token"] = action.token
            if action.status == "Failed":
                latest["errorDetails"] = {"code": "JobFailed", "message": action.summary}
            return {"actionName": name, "latestExecution": latest}
    return {"actionName": name}


def _newest_first(pipeline: Pipeline, stage: str) -> Iterator[tuple[Execution, Action]]:
    for execution in reversed(pipeline.executions):
        for action in reversed(execution.actions):
            if action.stage == stage:
                yield execution, action
