"""The CodePipeline service of the emulator: keeps definitions, executions and approvals; carries out nothing itself.

The rehearsal carries out the actions and reports each one through `RecordActionExecution`, and each stage that has
conditions through `RecordStageExecution`. These are private: they stand for the service's own engine, which has no
public API. The others answer as the public API
does, so that `aws codepipeline` works from another terminal.
"""

import json
from collections.abc import Callable, Mapping

from ministack.core.responses import error_response_json, json_response

from cdk_rehearsal.emulator.server.codepipeline import engine, reading
from cdk_rehearsal.emulator.server.codepipeline.resource import RESOURCE_TYPES
from cdk_rehearsal.emulator.server.codepipeline.state import Json, PipelineError, lock, pipelines

__all__ = ["RESOURCE_TYPES", "handle_request", "reset"]

JSON_1_1 = "application/x-amz-json-1.1"
_OPERATIONS: dict[str, Callable[[Json], Json]] = {
    "GetPipeline": reading.get_pipeline,
    "ListPipelines": reading.list_pipelines,
    "GetPipelineState": reading.get_pipeline_state,
    "GetPipelineExecution": reading.get_pipeline_execution,
    "ListPipelineExecutions": reading.list_pipeline_executions,
    "ListActionExecutions": reading.list_action_executions,
    "StartPipelineExecution": engine.start_pipeline_execution,
    "StopPipelineExecution": engine.stop_pipeline_execution,
    "RecordActionExecution": engine.record_action_execution,
    "RecordStageExecution": engine.record_stage_execution,
    "RollbackStage": engine.rollback_stage,
    "PutJobSuccessResult": engine.put_job_success_result,
    "PutJobFailureResult": engine.put_job_failure_result,
    "PutApprovalResult": engine.put_approval_result,
}


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query_params: object
) -> tuple[int, dict[str, str], bytes]:
    """Answer one request of the JSON protocol; an operation that is not here says so instead of pretending."""
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
    """Forget every pipeline, as the emulator's reset asks of each service."""
    with lock:
        pipelines.clear()
