"""The answer to a manual approval: good once, and only with the token of the question."""

import time

from rehearsal.emulator.server.codepipeline import state
from rehearsal.emulator.server.codepipeline.state import Json, PipelineError

_RESULTS = {"Approved": "Succeeded", "Rejected": "Failed"}


def put_approval_result(request: Json) -> Json:
    """Approve or reject; the execution goes on or fails."""
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
