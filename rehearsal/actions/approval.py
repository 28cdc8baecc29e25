"""Manual approval: whoever answers first counts, the terminal or PutApprovalResult from anywhere else.

The terminal's answer goes through the same API call, so there is one way to approve and the token always matters.
"""

import time
from typing import Any

from botocore.exceptions import ClientError

from rehearsal import approver
from rehearsal.actions.context import Context, Outcome
from rehearsal.approver import Answer, Request
from rehearsal.emulator.access import SECRET
from rehearsal.errors import DeliveryError
from rehearsal.page import fetched
from rehearsal.pipeline import Action


def carry_out(action: Action, context: Context) -> Outcome:
    """Ask, and wait for the answer."""
    request = Request(
        pipeline=context.pipeline.name,
        stage=action.stage,
        action=action.name,
        token=_state(action, context)["token"],
        execution=context.execution,
        revision=context.commit.id,
    )
    context.step.pause()
    _ask(action, context, request)
    started = time.monotonic()
    while (state := _state(action, context))["status"] == "InProgress":
        context.step.watch(f"the approval, for {time.monotonic() - started:.0f} s")
        answer = context.workplace.approver(request)
        if answer is not None:
            _put(answer, request, context)
    if state["status"] == "Succeeded":
        return Outcome(summary=f"approved: {state.get('summary', '')}")
    verdict = "was refused" if state["status"] == "Failed" else "ended unanswered"
    raise DeliveryError(f"{action} {verdict}: {state.get('summary') or 'no reason given'}")


def _state(action: Action, context: Context) -> dict[str, Any]:
    """The action's latest execution as GetPipelineState shows it."""
    for stage in context.engine.client.get_pipeline_state(name=context.pipeline.name)["stageStates"]:
        for each in stage["actionStates"]:
            if (stage["stageName"], each["actionName"]) == (action.stage, action.name):
                latest: dict[str, Any] = each["latestExecution"]
                return latest
    raise DeliveryError(f"{action} is no longer part of the pipeline.")


def _put(answer: Answer, request: Request, context: Context) -> None:
    try:
        context.engine.client.put_approval_result(
            pipelineName=request.pipeline,
            stageName=request.stage,
            actionName=request.action,
            token=request.token,
            result={"summary": answer.summary, "status": "Approved" if answer.approved else "Rejected"},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ApprovalAlreadyCompletedException":
            raise  # else somebody else was faster, and their answer counts


def _ask(action: Action, context: Context, request: Request) -> None:
    later = [stage.name for stage in context.pipeline.stages]
    later = later[later.index(action.stage) + 1 :]
    lines = [
        "",
        f"  {action.stage} / {action.name} wants an approval for commit {request.revision[:12]} "
        f"({context.commit.title})",
        f"  What follows: {', '.join(later) or 'nothing'}",
        *(f"  {text}" for text in _said(context)),
        "  From another terminal:",
        command(context, request),
    ]
    if context.workplace.approver is approver.terminal:
        lines += ["", "  Approve? yes or no, with a reason behind it if you like:"]
    context.workplace.console.say("\n".join(lines))
    approver.forget_typed_ahead()


def _said(context: Context) -> list[str]:
    """The pipeline's own words about what is approved."""
    keys = ("CustomData", "ExternalEntityLink")
    said = [context.configuration[key] for key in keys if context.configuration.get(key)]
    return said + fetched(context.configuration.get("ExternalEntityLink", ""), context)


def command(context: Context, request: Request) -> str:
    """The AWS CLI call that approves; endpoint and dummy credentials included, so that it cannot reach AWS."""
    return (
        f"    AWS_ACCESS_KEY_ID={context.home.account} AWS_SECRET_ACCESS_KEY={SECRET} "
        f"aws --endpoint-url {context.workplace.emulator.endpoint} --region {context.home.region} "
        f"codepipeline put-approval-result --pipeline-name {request.pipeline} --stage-name {request.stage} "
        f"--action-name {request.action} --token {request.token} "
        "--result 'summary=Checked,status=Approved'"
    )
