"""Lambda actions: the function is really invoked, and answers the job as it does on AWS.

A function that ends without an answer leaves its job open until CodePipeline gives up; here that is a failure at once.
"""

import json
from typing import Any

from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action


def carry_out(action: Action, context: Context) -> Outcome:
    """Invoke the function and read its answer to the job."""
    name = context.configuration["FunctionName"]
    data = {
        "actionConfiguration": {"configuration": dict(context.configuration)},
        "inputArtifacts": [],
        "outputArtifacts": [],
    }
    event = {"CodePipeline.job": {"id": context.action_execution, "accountId": context.home.account, "data": data}}
    functions = context.client("lambda", region=action.region)
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    said = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise DeliveryError(f"The function {name} failed before it answered: {said}")
    job = _job(context)
    if job["status"] == "InProgress":
        raise DeliveryError(f"The function {name} ended without answering its job.")
    summary = job["output"]["executionResult"]["externalExecutionSummary"]
    if job["status"] != "Succeeded":
        raise DeliveryError(summary)
    return Outcome(summary=summary, variables=job["output"]["outputVariables"])


def _job(context: Context) -> dict[str, Any]:
    """The action as the service describes it."""
    listed = context.engine.client.list_action_executions(
        pipelineName=context.pipeline.name, filter={"pipelineExecutionId": context.execution}
    )
    for each in listed["actionExecutionDetails"]:
        if each["actionExecutionId"] == context.action_execution:
            detail: dict[str, Any] = each
            return detail
    raise DeliveryError(f"The service does not know action execution {context.action_execution}.")
