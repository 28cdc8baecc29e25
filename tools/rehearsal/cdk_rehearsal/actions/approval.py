"""Manual approval: whoever answers first counts, the terminal or PutApprovalResult from anywhere else.

The terminal's answer goes through the same API call, so there is one way to approve and the token always matters.
"""

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from cdk_rehearsal import console
from cdk_rehearsal.actions.context import Context, Outcome
from cdk_rehearsal.console import Answer, Request
from cdk_rehearsal.emulator.access import SECRET
from cdk_rehearsal.errors import DeliveryError
from cdk_rehearsal.pipeline import Action


def fetched(link: str, context: Context) -> list[str]:
    """What to say of a link: where the page was saved, and its text; nothing of a link that leads elsewhere.

    Args:
        link: A link into the console of S3, `.../s3/object/BUCKET?region=...&prefix=KEY`.
        context: The approval's.
    """
    address = urlsplit(link)
    key = parse_qs(address.query).get("prefix", [""])[0]
    if not address.path.startswith("/s3/object/") or not key:
        return []
    bucket = address.path.removeprefix("/s3/object/")
    saved: list[Path] = []
    for name in (key, key.removesuffix(".html") + ".txt"):
        try:
            content = (
                context.client("s3", region=context.home.region).get_object(Bucket=bucket, Key=name)["Body"].read()
            )
        except ClientError as error:
            return [f"The page is missing: {error}"]
        file = context.workplace.logs / f"plan-{Path(name).name}"
        file.write_bytes(content)
        saved.append(file)
    page, text = saved
    return [f"The page, for a browser: {page}", "", *text.read_text(encoding="utf-8").splitlines()]


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
    if context.workplace.approver is console.terminal:
        lines += ["", "  Approve? yes or no, with a reason behind it if you like:"]
    context.workplace.console.say("\n".join(lines))
    console.forget_typed_ahead()


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
