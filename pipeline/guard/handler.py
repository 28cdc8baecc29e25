"""The Lambda code of the change-set guard: refuses change sets that lose stored data, traffic or their deployment.

A change set is refused if it loses stored data, resets traffic that ECS has shifted, uses an overwritten asset, or
would be executed while the alarm that its deployment watches is on. It is also refused if Build did not make it.

It runs as one file, with the modules that it imports of this project.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import boto3

from pipeline.digests.content import PARTS, assets, content_digest, stack_digests
from pipeline.guard.losses import (
    ALLOWED,
    DELETE,
    SETTING,
    Loss,
    deleted,
    faults,
    hidden,
    quoted,
    replaced,
    resources,
    weakened,
    weaker,
)
from pipeline.job import session_of

REPAIR = "DeploymentAlarm/Repair"
"""The allowed change of a stack whose deployment starts although the alarm that it watches is on."""

_EMPTY = ("didn't contain changes", "No updates are to be performed")
_LONGEST_MESSAGE, _LONGEST_SUMMARY = 4900, 2000


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Checks the change set of a pipeline job and reports the result to CodePipeline."""
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        params = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
        session = session_of(params["role"], region=params["region"], name="change-set-guard")
        changes = _changes(params, session)
        found: list[str] = []
        allowed: list[str] = []
        if changes is not None:
            template = _template(params, session, ChangeSetName=params["change_set"])
            allowed = template.get("Metadata", {}).get(ALLOWED, [])
            found = list(_found(params, session, changes=changes, template=template, allowed=allowed))
    except Exception as error:  # of any kind: fail closed
        found, changes, allowed = [f"The change set could not be checked: {error}"], [], []
    if found:
        message = "\n".join(found)[:_LONGEST_MESSAGE]
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": message})
        return
    named = f", {len(allowed)} allowed by name" if allowed else ""
    summary = "no changes" if changes is None else f"{len(changes)} changes, no stored data lost{named}"
    pipeline.put_job_success_result(jobId=job["id"], executionDetails={"summary": summary[:_LONGEST_SUMMARY]})


def _found(
    params: Mapping[str, Any],
    session: Mapping[str, str],
    *,
    changes: Sequence[Mapping[str, Any]],
    template: Mapping[str, Any],
    allowed: Collection[str],
) -> Iterator[str]:
    """A sentence for each reason to refuse the change set."""
    stack, known = params["stack"], {change["LogicalResourceId"]: change for change in changes}
    yield from _differing(params, session, template)
    for change in changes:
        if change["Action"] != "Remove":
            yield from hidden(stack, change["LogicalResourceId"], change["ResourceType"])
    yield from faults((loss for each in changes for loss in _losses(stack, each, known)), allowed=allowed)
    deployed: dict[str, Any] = {}
    if not changes or any(change["Action"] != "Add" for change in changes):  # else the stack is new
        deployed = _template(params, session)
        yield from faults(_kept_less(stack, resources(deployed), resources(template)), allowed=allowed)
        before = shifted(deployed)
        lost = [*_reset(changes, known, before), *_switched_off(before, shifted(template))]
        yield from _shift_faults(stack, lost, allowed)
    yield from _overwritten(stack, template, session, deployed=deployed)
    if changes and "alarm" in params and f"{stack}/{REPAIR}" not in allowed:
        yield from _alarmed(params, session)


def _template(params: Mapping[str, Any], session: Mapping[str, str], **change_set: str) -> dict[str, Any]:
    """The template of a change set; without one, the deployed template."""
    stacks = boto3.client("cloudformation", **session)
    body = stacks.get_template(StackName=params["stack"], TemplateStage="Original", **change_set)["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def shifted(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """The listener rules and target groups between which ECS shifts the traffic of a service, by service."""
    found: dict[str, list[str]] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ECS::Service":
            for target in resource.get("Properties", {}).get("LoadBalancers", []):
                if shift := target.get("AdvancedConfiguration"):
                    values = (target["TargetGroupArn"], *(value for key, value in shift.items() if key != "RoleArn"))
                    found.setdefault(name, []).extend(filter(None, map(_referenced, values)))
    return found


def _referenced(value: Any) -> str | None:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case _:
            return None


def _reset(
    changes: Iterable[Mapping[str, Any]], known: Mapping[str, Any], before: Mapping[str, list[str]]
) -> Iterator[tuple[str, str, list[str]]]:
    """Each change of a deployed rule or target group that ECS shifts: resource, effect and changed properties."""
    shifted = {name for names in before.values() for name in names}
    for change in changes:
        name, kind = change["LogicalResourceId"], change["ResourceType"]
        if name not in shifted:
            continue
        details = change.get("Details", [])
        causes = {
            each["Target"].get("Name") or each["Target"]["Attribute"]
            for each in details
            if not _keeps_its_value(each, known)
        }
        if change["Action"] == "Remove":
            yield f"{name} ({kind})", "would be deleted", [f"{name}/{DELETE}"]
        elif causes or not details:
            causes = causes or {"Update"}
            because = f"would be updated because of {', '.join(sorted(causes))}"
            yield f"{name} ({kind})", because, [f"{name}/{cause}" for cause in sorted(causes)]


def _switched_off(
    before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> Iterator[tuple[str, str, list[str]]]:
    """Each service whose traffic ECS would no longer shift."""
    for name in sorted(before.keys() - after.keys()):
        yield f"{name} (AWS::ECS::Service)", "would leave its traffic", [f"{name}/AdvancedConfiguration"]


def _shift_faults(stack: str, lost: Iterable[tuple[str, str, list[str]]], allowed: Collection[str]) -> Iterator[str]:
    for resource, words, causes in lost:
        if missing := [entry for entry in (f"{stack}/{cause}" for cause in causes) if entry not in allowed]:
            yield (
                f"{stack}: {resource} {words}. ECS shifts the traffic between two target groups, and this change would "
                "send it to the group of the template, where no task may run. Shift it back first: "
                f"docs/operations.md#shift-the-traffic-back. Then add {quoted(missing)} to {SETTING}."
            )


def _alarmed(params: Mapping[str, Any], session: Mapping[str, str]) -> Iterator[str]:
    """A sentence if the alarm of the stack's deployments is on: ECS would not watch it, and never roll back.

    An alarm that does not exist is that of a first deployment. A rollback repairs, so it passes.
    """
    kinds = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}
    found = boto3.client("cloudwatch", **session).describe_alarms(AlarmNames=[params["alarm"]], AlarmTypes=list(kinds))
    states = {alarm["StateValue"] for kind in kinds.values() for alarm in found.get(kind, [])}
    if "ALARM" in states and not _rolls_back(params):
        yield (
            f"{params['stack']}: the alarm {params['alarm']} is on, and ECS does not watch an alarm that is on when a "
            "deployment starts. Wait until it is off, or deliver a repair: docs/operations.md#deliver-a-repair. "
            f"To declare it, add {quoted([params['stack'] + '/' + REPAIR])} to {SETTING}."
        )


def _rolls_back(params: Mapping[str, Any]) -> bool:
    execution = boto3.client("codepipeline").get_pipeline_execution(
        pipelineName=params["pipeline"], pipelineExecutionId=params["execution"]
    )["pipelineExecution"]
    return bool(execution.get("executionType") == "ROLLBACK")


def _overwritten(
    stack: str, template: Mapping[str, Any], session: Mapping[str, str], *, deployed: Mapping[str, Any]
) -> Iterator[str]:
    """A sentence for each asset of the new or the deployed template that was uploaded more or less than once.

    An asset has the hash of its content as its name, and the pipeline uploads a name only once: a second version, which
    the bucket keeps for 30 days, is not what Build made. CloudFormation rolls a failed update back to the assets of the
    deployed template, which the digests do not cover; one that was deleted cannot be deployed.
    """
    storage, new = boto3.client("s3", **session), set(assets(template))
    for bucket, key in sorted(new | set(assets(deployed))):
        listed = storage.list_object_versions(Bucket=bucket, Prefix=key)
        uploads = [
            each for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, []) if each["Key"] == key
        ]
        if len(uploads) != 1 and (uploads or (bucket, key) in new):
            yield (
                f"{stack}: the asset {key} in {bucket} has {len(uploads)} versions instead of one, so it may "
                "not be what Build made. See docs/operations.md#unblock-asset-publishing."
            )


def _differing(params: Mapping[str, Any], session: Mapping[str, str], template: Mapping[str, Any]) -> Iterator[str]:
    """A sentence if the change set is not what Build made, whose digests the pipeline's execution has."""
    change_set = {"StackName": params["stack"], "ChangeSetName": params["change_set"]}
    described = boto3.client("cloudformation", **session).describe_change_set(**change_set)
    storage = boto3.client("s3", **session)
    found = stack_digests(
        template,
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])},
        tags={each["Key"]: each["Value"] for each in described.get("Tags", [])},
        contents={
            f"{bucket}/{key}": content_digest(storage.get_object(Bucket=bucket, Key=key)["Body"].read())
            for bucket, key in assets(template)
        },
    )
    pairs = zip(PARTS, params["digests"].split(" "), found.split(" "), strict=True)
    if differing := [part for part, recorded, actual in pairs if recorded != actual]:
        yield (
            f"{params['stack']}: the change set is not what Build made of this release, which differs in "
            f"{' and '.join(differing)}. Do not retry: docs/operations.md#find-out-who-changed-a-release."
        )


def _changes(params: Mapping[str, Any], session: Mapping[str, str]) -> list[Mapping[str, Any]] | None:
    """The changes of resources, none if only outputs or metadata change; None if nothing changes at all."""
    stacks = boto3.client("cloudformation", **session)
    request = {"StackName": params["stack"], "ChangeSetName": params["change_set"]}
    changes: list[Mapping[str, Any]] = []
    while True:
        page = stacks.describe_change_set(**request)
        reason = page.get("StatusReason", "")
        if page["Status"] == "FAILED" and any(words in reason for words in _EMPTY):
            return None
        if page["Status"] != "CREATE_COMPLETE":
            raise RuntimeError(f"{params['change_set']} of {params['stack']} is {page['Status']}: {reason}")
        changes.extend(change["ResourceChange"] for change in page["Changes"] if "ResourceChange" in change)
        if "NextToken" not in page:
            return changes
        request["NextToken"] = page["NextToken"]


def _losses(stack: str, change: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Loss]:
    identity = (stack, change["LogicalResourceId"], change["ResourceType"])
    if change["Action"] == "Remove":
        yield from deleted(*identity, retained=change.get("PolicyAction") == "Retain")
    elif change["Action"] in {"Modify", "Dynamic"} and not _is_kept(change, known):
        causes = {target.get("Name") or target["Attribute"] for target in _forcing(change, known)}
        certain = change.get("Replacement") == "True"
        yield from replaced(*identity, causes=sorted(causes) or ["Replace"], certain=certain)


def _kept_less(stack: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Loss]:
    """By the templates: a change set names the properties that change, and not their values."""
    for name in sorted(before.keys() & after.keys()):
        yield from weakened(stack, name, after[name]["Type"], causes=weaker(before[name], after[name]))


def _is_kept(change: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether the change certainly keeps the resource."""
    replacement = change.get("Replacement", "False") if change["Action"] == "Modify" else "Unknown"
    explained = bool(_recreating(change)) and not _forcing(change, known)
    return replacement == "False" or (replacement == "Conditional" and explained)


def _forcing(change: Mapping[str, Any], known: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The properties or attributes that force, or may force, the replacement."""
    return [detail["Target"] for detail in _recreating(change) if not _keeps_its_value(detail, known)]


def _recreating(change: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in change.get("Details", []) if each["Target"].get("RequiresRecreation", "Never") != "Never"]


def _keeps_its_value(detail: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a property keeps its value: it refers to a kept resource, of which perhaps only the tags change.

    Names and ARNs only: other attributes may change while their resource is kept.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    """
    entity, _, attribute = detail.get("CausingEntity", "").partition(".")
    named = detail.get("ChangeSource") in {"ResourceReference", "ResourceAttribute"} and attribute in {"", "Arn"}
    return named and detail.get("Evaluation") == "Dynamic" and entity in known and _is_kept(known[entity], known)
