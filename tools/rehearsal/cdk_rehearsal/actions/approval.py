"""Manual approvals: the first answer counts, from this terminal or from PutApprovalResult elsewhere.

The terminal's answer uses the same API call, so the token always matters.
"""

import shlex
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from cdk_rehearsal import console
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.console import Answer, Request
from cdk_rehearsal.emulator.access import SECRET
from cdk_rehearsal.errors import ApprovalPending, DeliveryError
from cdk_rehearsal.pipeline import Action
from cdk_rehearsal.toolchain import program


def linked_page(link: str, context: Context) -> list[str]:
    """The text of a page in S3 that the approval links to in the console, and the files where it was saved.

    A page `NAME.html` may have a version for terminals beside it, `NAME.txt`.
    """
    address = urlsplit(link)
    key = parse_qs(address.query).get("prefix", [""])[0]
    if not address.path.startswith("/s3/object/") or not key:
        return []
    bucket, store = address.path.removeprefix("/s3/object/"), context.client("s3", region=context.home.region)
    saved: dict[str, Path] = {}
    for name in dict.fromkeys((key, key.removesuffix(".html") + ".txt")):
        try:
            content = store.get_object(Bucket=bucket, Key=name)["Body"].read()
        except ClientError as error:
            if name == key:
                return [f"The page is missing: {error}"]
            continue
        saved[name] = context.workplace.logs / f"approval-{Path(name).name}"
        saved[name].write_bytes(content)
    text = saved[name].read_text(encoding="utf-8").splitlines() if name.endswith(".txt") and name in saved else []
    return [f"The page, for a browser: {saved[key]}", "", *text]


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
    if context.workplace.approver is console.absent:
        raise ApprovalPending(
            f"{action} waits for an approval, and there is no terminal to ask for it. Run `APPROVE=yes "
            f"{context.workplace.settings.command}` to deliver past it, APPROVE=no to refuse it."
        )
    started = time.monotonic()
    while (state := _state(action, context))["status"] == "InProgress":
        if context.workplace.approver is not console.terminal:  # nothing is drawn below a question
            context.step.watch(f"the approval, for {time.monotonic() - started:.0f} s")
        answer = context.workplace.approver(request)
        if answer is not None:
            _put(answer, request, context)
    if state["status"] == "Succeeded":
        return Outcome(summary=f"approved: {state.get('summary', '')}")
    verdict = "was refused" if state["status"] == "Failed" else "ended without an answer"
    raise DeliveryError(f"{action} {verdict}: {state.get('summary') or 'no reason given'}")


def _state(action: Action, context: Context) -> dict[str, Any]:
    """The action's latest execution as GetPipelineState shows it."""
    for stage in context.engine.client.get_pipeline_state(name=context.pipeline.name)["stageStates"]:
        for each in stage["actionStates"]:
            if (stage["stageName"], each["actionName"]) == (action.stage, action.name):
                latest: dict[str, Any] = each["latestExecution"]
                return latest
    raise DeliveryError(f"{action} is not part of the pipeline any more.")


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
            raise  # else another answer was first, and counts


def _ask(action: Action, context: Context, request: Request) -> None:
    stages = list(context.pipeline.stages)
    (at,) = (position for position, stage in enumerate(stages) if stage.name == action.stage)
    rest = any(each.run_order > action.run_order for each in stages[at].actions)
    later = [*([f"the rest of {action.stage}"] if rest else []), *(stage.name for stage in stages[at + 1 :])]
    lines = [
        "",
        f"  {action.stage} / {action.name} waits for an approval of commit {request.revision[:12]} "
        f"({context.commit.title})",
        f"  After it: {', '.join(later) or 'nothing'}",
        *(f"  {text}" for text in _said(context)),
    ]
    if context.workplace.approver is not console.absent:
        lines += ["  From another terminal:", command(context, request)]
    if context.workplace.approver is console.terminal:
        lines += ["", "  Approve? yes or no, and a reason if you like:"]
    context.workplace.console.say("\n".join(lines))
    console.forget_typed_ahead()


def _said(context: Context) -> list[str]:
    """The message of the approval, and the page that it links to."""
    keys = ("CustomData", "ExternalEntityLink")
    said = [context.configuration[key] for key in keys if context.configuration.get(key)]
    return said + linked_page(context.configuration.get("ExternalEntityLink", ""), context)


def command(context: Context, request: Request) -> str:
    """The AWS CLI call that approves; endpoint and dummy credentials included, so that it cannot reach AWS."""
    aws = shlex.quote(program("aws") or "aws")
    return (
        f"    AWS_ACCESS_KEY_ID={context.home.account} AWS_SECRET_ACCESS_KEY={SECRET} "
        f"{aws} --endpoint-url {context.workplace.emulator.endpoint} --region {context.home.region} "
        f"codepipeline put-approval-result --pipeline-name {request.pipeline} --stage-name {request.stage} "
        f"--action-name {request.action} --token {request.token} "
        "--result 'summary=Checked,status=Approved'"
    )
