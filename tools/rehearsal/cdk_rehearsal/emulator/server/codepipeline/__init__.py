"""CodePipeline: definitions, executions and approvals. The rehearsal runs the actions, not this service.

The rehearsal reports each action with `RecordActionExecution`, and each stage that has conditions with
`RecordStageExecution`. These two are private, in place of the service's own engine. All other operations answer like
the public API, so that `aws codepipeline` works from another terminal.
"""

import json
from collections.abc import Callable, Mapping

from ministack.core.responses import error_response_json, json_response

from cdk_rehearsal.emulator.server.codepipeline import executions, queries
from cdk_rehearsal.emulator.server.codepipeline.resource import RESOURCE_TYPES
from cdk_rehearsal.emulator.server.codepipeline.state import Json, PipelineError, lock, pipelines

__all__ = ["RESOURCE_TYPES", "handle_request", "reset"]

JSON_1_1 = "application/x-amz-json-1.1"
_OPERATIONS: dict[str, Callable[[Json], Json]] = {
    "GetPipeline": queries.get_pipeline,
    "ListPipelines": queries.list_pipelines,
    "GetPipelineState": queries.get_pipeline_state,
    "GetPipelineExecution": queries.get_pipeline_execution,
    "ListPipelineExecutions": queries.list_pipeline_executions,
    "ListActionExecutions": queries.list_action_executions,
    "GetJobDetails": executions.get_job_details,
    "StartPipelineExecution": executions.start_pipeline_execution,
    "StopPipelineExecution": executions.stop_pipeline_execution,
    "OverrideStageCondition": executions.override_stage_condition,
    "RecordActionExecution": executions.record_action_execution,
    "RecordStageExecution": executions.record_stage_execution,
    "RollbackStage": executions.rollback_stage,
    "PutJobSuccessResult": executions.put_job_success_result,
    "PutJobFailureResult": executions.put_job_failure_result,
    "PutApprovalResult": executions.put_approval_result,
}


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query_params: object
) -> tuple[int, dict[str, str], bytes]:
    """Answer one request of the JSON protocol; an unknown operation is an error."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    name = target.rpartition(".")[2]
    try:
        with lock:
            answer = json_response(_operation(name)(json.loads(body or b"{}")), content_type=JSON_1_1)
    except PipelineError as error:
        answer = error_response_json(error.code, str(error), 400, content_type=JSON_1_1)
    except (KeyError, json.JSONDecodeError) as error:
        message = f"Malformed request: {error!r}"
        answer = error_response_json("ValidationException", message, 400, content_type=JSON_1_1)
    status, answer_headers, answer_body = answer
    return status, answer_headers, answer_body


def _operation(name: str) -> Callable[[Json], Json]:
    if name not in _OPERATIONS:
        message = f"The emulator's CodePipeline has no operation '{name}'."
        raise PipelineError("UnknownOperationException", message)
    return _OPERATIONS[name]


def reset() -> None:
    """Delete every pipeline; ministack's reset calls it."""
    with lock:
        pipelines.clear()
