"""The operations that read."""

from collections.abc import Iterator

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.codepipeline import state
from cdk_rehearsal.emulator.server.codepipeline.state import Action, Execution, Json, Pipeline, PipelineError


def stage_state(pipeline: Pipeline, stage: Json) -> Json:
    """The state of a stage and its actions, with the token of a pending approval."""
    reason = pipeline.disabled.get(stage["name"])
    described: Json = {
        "stageName": stage["name"],
        "inboundTransitionState": {"enabled": True} if reason is None else _disabled(reason),
        "actionStates": [_action_state(pipeline, stage, action["name"]) for action in stage["actions"]],
    }
    for execution in pipeline.executions:
        for name, condition in execution.overridden:
            if name == stage["name"]:
                described[f"{condition}ConditionState"] = {"latestExecution": {"status": "Overridden"}}
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


_MOST_RESULTS = 100


def get_pipeline(request: Json) -> Json:
    """The definition: the newest, or one version."""
    pipeline = state.pipeline(request["name"])
    version = int(request.get("version", len(pipeline.versions)))
    if not 1 <= version <= len(pipeline.versions):
        raise PipelineError("PipelineVersionNotFoundException", f"The pipeline has no version {version}.")
    arn = f"arn:aws:codepipeline:{get_region()}:{get_account_id()}:{request['name']}"
    return {"pipeline": pipeline.versions[version - 1], "metadata": {"pipelineArn": arn} | _times(pipeline)}


def list_pipelines(_request: Json) -> Json:
    """The pipelines of the caller's account and region."""
    found = [state.pipeline(name) for name in sorted(state.pipelines)]
    kept = ("name", "version", "pipelineType", "executionMode")
    return {"pipelines": [{key: each.definition[key] for key in kept} | _times(each) for each in found]}


def get_pipeline_state(request: Json) -> Json:
    """The state of each stage and action, with the tokens of pending approvals."""
    pipeline = state.pipeline(request["name"])
    return {
        "pipelineName": request["name"],
        "pipelineVersion": pipeline.definition["version"],
        "stageStates": [stage_state(pipeline, stage) for stage in pipeline.definition["stages"]],
    } | _times(pipeline)


def get_pipeline_execution(request: Json) -> Json:
    """One execution with its source revisions."""
    execution = state.pipeline(request["pipelineName"]).execution(request["pipelineExecutionId"])
    revisions = [
        {"name": artifact["name"], "revisionId": action.revision, "revisionSummary": action.summary}
        for action in execution.actions
        if action.revision
        for artifact in action.declared["outputArtifacts"]
    ]
    described = {
        "pipelineName": request["pipelineName"],
        "pipelineVersion": execution.definition["version"],
        "artifactRevisions": revisions,
    }
    return {"pipelineExecution": described | _summary(execution)}


def list_pipeline_executions(request: Json) -> Json:
    """The executions, newest first."""
    executions = reversed(state.pipeline(request["pipelineName"]).executions)
    summaries = [
        _summary(execution)
        | {
            "startTime": execution.started,
            "lastUpdateTime": execution.updated,
            "sourceRevisions": [
                {"actionName": action.name, "revisionId": action.revision, "revisionSummary": action.summary}
                for action in execution.actions
                if action.revision
            ],
        }
        for execution in executions
    ]
    return {"pipelineExecutionSummaries": summaries[: int(request.get("maxResults", _MOST_RESULTS))]}


def list_action_executions(request: Json) -> Json:
    """The action executions of all pipeline executions or of one, newest first."""
    pipeline = state.pipeline(request["pipelineName"])
    asked = request.get("filter", {})
    wanted = asked.get("latestInPipelineExecution", asked).get("pipelineExecutionId")
    executions = [pipeline.execution(wanted)] if wanted else pipeline.executions
    details = [_detail(execution, action) for execution in executions for action in execution.actions]
    return {"actionExecutionDetails": details[::-1][: int(request.get("maxResults", _MOST_RESULTS))]}


def _times(pipeline: Pipeline) -> Json:
    return {"created": pipeline.created, "updated": pipeline.updated}


def _summary(execution: Execution) -> Json:
    return {
        "pipelineExecutionId": execution.id,
        "status": execution.status,
        "statusSummary": execution.summary,
        "trigger": execution.trigger,
        "executionMode": execution.definition["executionMode"],
        "executionType": "ROLLBACK" if execution.rolls_back else "STANDARD",
    } | ({"rollbackMetadata": {"rollbackTargetPipelineExecutionId": execution.target}} if execution.target else {})


def _detail(execution: Execution, action: Action) -> Json:
    kept = ("actionTypeId", "configuration", "roleArn", "region", "inputArtifacts", "namespace")
    return {
        "pipelineExecutionId": execution.id,
        "actionExecutionId": action.id,
        "pipelineVersion": execution.definition["version"],
        "stageName": action.stage,
        "actionName": action.name,
        "startTime": action.started,
        "lastUpdateTime": action.updated,
        "status": action.status,
        "input": {key: action.declared[key] for key in kept if key in action.declared}
        | {"resolvedConfiguration": action.resolved_configuration},
        "output": {
            "outputArtifacts": action.declared["outputArtifacts"],
            "executionResult": {"externalExecutionSummary": action.summary},
            "outputVariables": action.variables,
        },
    }
