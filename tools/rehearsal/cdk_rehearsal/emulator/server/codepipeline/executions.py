"""The operations that start, advance and stop executions: one execution at a time per pipeline, the oldest first.

QUEUED mode on AWS is less strict: it queues stage by stage.
"""

import time

from ministack.core.responses import get_account_id

from cdk_rehearsal.emulator.server.codepipeline import state
from cdk_rehearsal.emulator.server.codepipeline.state import (
    UNFINISHED,
    Action,
    Execution,
    Json,
    Pipeline,
    PipelineError,
)

_RESULTS = {"Approved": "Succeeded", "Rejected": "Failed"}
_CONDITIONS = {"BEFORE_ENTRY": "beforeEntry", "ON_SUCCESS": "onSuccess"}


def put_approval_result(request: Json) -> Json:
    """Approve or reject: the execution continues or fails."""
    pipeline = state.pipeline(request["pipelineName"])
    stage = state.stage(pipeline.definition, request["stageName"])
    declared = state.action(stage, request["actionName"])
    status = _RESULTS.get(request["result"]["status"])
    if status is None or declared["actionTypeId"]["category"] != "Approval":
        raise PipelineError("ValidationException", "Only an approval takes a result: Approved or Rejected.")
    for execution in pipeline.executions:
        for action in execution.actions:
            asked = (action.stage, action.name) == (stage["name"], declared["name"])
            if not asked or action.token != request["token"]:
                continue
            if not action.awaits_approval:
                message = f"The approval has ended already: {action.status}."
                raise PipelineError("ApprovalAlreadyCompletedException", message)
            action.finish(status=status, summary=request["result"].get("summary", ""))
            execution.settle()
            return {"approvedAt": time.time()}
    raise PipelineError("InvalidApprovalTokenException", "The token is not that of a pending approval.")


def put_job_success_result(request: Json) -> Json:
    """Mark the action of a job as succeeded or, with a continuation token, as still in progress."""
    execution, action = _job(request["jobId"])
    action.continuation_token = request.get("continuationToken", "")
    if action.continuation_token and request.get("outputVariables"):
        raise PipelineError("ValidationException", "A job that continues has no output variables yet.")
    action.variables = request.get("outputVariables", {})
    status = "InProgress" if action.continuation_token else "Succeeded"
    action.finish(status=status, summary=request.get("executionDetails", {}).get("summary", ""))
    execution.settle()
    return {}


def put_job_failure_result(request: Json) -> Json:
    """Mark the action of a job as failed."""
    execution, action = _job(request["jobId"])
    action.finish(status="Failed", summary=request["failureDetails"]["message"])
    execution.settle()
    return {}


def get_job_details(request: Json) -> Json:
    """What the next invocation of a job needs of the last one."""
    _, action = _job(request["jobId"])
    data = {"continuationToken": action.continuation_token} if action.continuation_token else {}
    return {"jobDetails": {"id": action.id, "accountId": get_account_id(), "data": data}}


def _job(job_id: str) -> tuple[Execution, Action]:
    for name in state.pipelines:
        for execution in state.pipeline(name).executions:
            for action in execution.actions:
                if action.id == job_id and action.declared["actionTypeId"]["category"] == "Invoke":
                    if action.status != "InProgress":
                        raise PipelineError("InvalidJobStateException", f"The job is {action.status} already.")
                    return execution, action
    raise PipelineError("JobNotFoundException", f"There is no job '{job_id}'.")


def start_pipeline_execution(request: Json) -> Json:
    """Queue an execution, like a push."""
    pipeline = state.pipeline(request["name"])
    sources = {action["name"] for action in pipeline.definition["stages"][0]["actions"]}
    for revision in request.get("sourceRevisions", []):
        if revision["actionName"] not in sources:
            message = f"'{revision['actionName']}' is not a source action of the pipeline."
            raise PipelineError("ValidationException", message)
    caller = f"arn:aws:iam::{get_account_id()}:root"
    execution = pipeline.start(trigger={"triggerType": "StartPipelineExecution", "triggerDetail": caller})
    return {"pipelineExecutionId": execution.id}


def stop_pipeline_execution(request: Json) -> Json:
    """Stop when the running actions are done, or abandon them and stop at once."""
    execution = state.pipeline(request["pipelineName"]).execution(request["pipelineExecutionId"])
    abandon, reason = request.get("abandon", False), request.get("reason", "")
    if execution.status not in UNFINISHED:
        message = f"The pipeline execution is {execution.status} already."
        raise PipelineError("PipelineExecutionNotStoppableException", message)
    if execution.status == "Stopping" and not abandon:
        raise PipelineError("DuplicatedStopRequestException", "The pipeline execution is stopping already.")
    running = [action for action in execution.actions if action.status == "InProgress"]
    if running and not abandon:
        execution.status, execution.summary = "Stopping", reason
    else:
        for action in running:
            action.finish(status="Abandoned", summary=reason)
        execution.end(status="Stopped", summary=reason)
    return {"pipelineExecutionId": execution.id}


def override_stage_condition(request: Json) -> Json:
    """Record that the first execution in the queue passes a condition; the rehearsal does not wait for windows."""
    pipeline = state.pipeline(request["pipelineName"])
    stage = state.stage(pipeline.definition, request["stageName"])
    execution, condition = pipeline.execution(request["pipelineExecutionId"]), _CONDITIONS[request["conditionType"]]
    if execution is not _head(pipeline) or condition not in stage:
        message = f"Execution {execution.id} does not wait for the condition {condition} of stage {stage['name']}."
        raise PipelineError("ConditionNotOverridableException", message)
    execution.overridden.add((stage["name"], condition))
    return {}


def record_action_execution(request: Json) -> Json:
    """Private: record the start of an action (a request without an id), or its end."""
    pipeline = state.pipeline(request["pipelineName"])
    execution = pipeline.execution(request["pipelineExecutionId"])
    if "actionExecutionId" in request:
        action = _recorded(execution, request["actionExecutionId"])
        action.revision = request.get("revisionId", "")
        action.variables = request.get("outputVariables", {})
        action.resolved_configuration = request.get("resolvedConfiguration", {})
        if action.status == "InProgress":  # the status of an abandoned or answered action stays
            action.finish(status=request["status"], summary=request.get("summary", ""))
        execution.settle()
    else:
        action = _begin(pipeline, execution, request)
    return {"actionExecutionId": action.id}


def record_stage_execution(request: Json) -> Json:
    """Private: record the status of a stage that has conditions."""
    execution = state.pipeline(request["pipelineName"]).execution(request["pipelineExecutionId"])
    stage = state.stage(execution.definition, request["stageName"])
    execution.stages[stage["name"]] = request["status"]
    execution.summary = request.get("summary", execution.summary)
    execution.settle()
    return {}


def rollback_stage(request: Json) -> Json:
    """Start an execution of one stage, with the artifacts of an earlier execution of the same structure."""
    pipeline = state.pipeline(request["pipelineName"])
    stage = state.stage(pipeline.definition, request["stageName"])
    target = pipeline.execution(request["targetPipelineExecutionId"])
    if target.definition["version"] != pipeline.definition["version"] or target.rolls_back:
        message = f"Execution {target.id} cannot be the target of a rollback of stage {stage['name']}."
        raise PipelineError("UnableToRollbackStageException", message)
    caller = f"arn:aws:iam::{get_account_id()}:root"
    execution = pipeline.start(trigger={"triggerType": "ManualRollback", "triggerDetail": caller})
    execution.rolls_back, execution.target = stage["name"], target.id
    return {"pipelineExecutionId": execution.id}


def _head(pipeline: Pipeline) -> Execution | None:
    return next((execution for execution in pipeline.executions if execution.status in UNFINISHED), None)


def _begin(pipeline: Pipeline, execution: Execution, request: Json) -> Action:
    head = _head(pipeline)
    if execution is not head or execution.status != "InProgress":
        message = f"The pipeline execution is {execution.status}" + (f", {head.id} is first." if head else ".")
        raise PipelineError("ConflictException", message)
    stage = state.stage(execution.definition, request["stageName"])
    action = Action(stage=stage["name"], declared=state.action(stage, request["actionName"]))
    execution.actions.append(action)
    return action


def _recorded(execution: Execution, action_id: str) -> Action:
    for action in execution.actions:
        if action.id == action_id:
            return action
    raise PipelineError("ValidationException", f"There is no action execution '{action_id}'.")
