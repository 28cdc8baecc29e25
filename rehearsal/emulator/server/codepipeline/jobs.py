"""The answers of functions that an action invoked: a job is answered once, by its id."""

from rehearsal.emulator.server.codepipeline import state
from rehearsal.emulator.server.codepipeline.state import Action, Execution, Json, PipelineError


def put_job_success_result(request: Json) -> Json:
    """The action has succeeded."""
    if request.get("continuationToken"):
        message = "The emulator's CodePipeline does not continue jobs: answer when the job is done."
        raise PipelineError("ValidationException", message)
    execution, action = _job(request["jobId"])
    action.variables = request.get("outputVariables", {})
    action.finish(status="Succeeded", summary=request.get("executionDetails", {}).get("summary", ""))
    execution.settle()
    return {}


def put_job_failure_result(request: Json) -> Json:
    """The action has failed."""
    execution, action = _job(request["jobId"])
    action.finish(status="Failed", summary=request["failureDetails"]["message"])
    execution.settle()
    return {}


def _job(job_id: str) -> tuple[Execution, Action]:
    for name in state.pipelines:
        for execution in state.pipeline(name).executions:
            for action in execution.actions:
                if action.id == job_id and action.declared["actionTypeId"]["category"] == "Invoke":
                    if action.status != "InProgress":
                        raise PipelineError("InvalidJobStateException", f"The job is {action.status} already.")
                    return execution, action
    raise PipelineError("JobNotFoundException", f"There is no job '{job_id}'.")
