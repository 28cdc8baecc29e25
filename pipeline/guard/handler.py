"""The Lambda code of the change-set guard: decides which changes of a stack lose stored data, or use changed assets.

It runs as one file, so it imports nothing of this project.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import boto3

STATEFUL = frozenset(
    {
        "AWS::Backup::BackupVault",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
"""The types whose resources contain data that no deployment can restore."""

NESTED = frozenset({"AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet"})
"""The types whose own change sets this guard does not read."""

DELETE = "Delete"
"""Replaces the property in an allowed change: the resource is removed from its stack."""

SETTING = "delivery.allowed_changes in cdk.json"
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_LONGEST_MESSAGE, _LONGEST_SUMMARY = 4900, 2000


class Loss(NamedTuple):
    """A resource that a change deletes, replaces or removes from its stack."""

    stack: str
    logical_id: str
    resource_type: str
    words: str  # the effect
    causes: tuple[str, ...]  # properties, or DELETE


def deleted(stack: str, logical_id: str, resource_type: str, *, retained: bool = False) -> Loss:
    """A resource that the new template no longer has."""
    words = "would leave the stack and remain unmanaged" if retained else "would be deleted"
    return Loss(stack, logical_id, resource_type, words, (DELETE,))


def replaced(stack: str, logical_id: str, resource_type: str, *, causes: Iterable[str], certain: bool) -> Loss:
    """A resource that a change of properties replaces, without its data."""
    words = "would be replaced by an empty one" if certain else "may be replaced by an empty one"
    return Loss(stack, logical_id, resource_type, words, tuple(causes))


def faults(losses: Iterable[Loss], *, allowed: Collection[str]) -> list[str]:
    """A sentence for each loss that is not allowed, with the setting that would allow it."""
    lost = (loss for loss in losses if loss.resource_type in STATEFUL | NESTED)
    return [fault for loss in lost for fault in _fault(loss, allowed)]


def _fault(loss: Loss, allowed: Collection[str]) -> Iterator[str]:
    wanted = [f"{loss.stack}/{loss.logical_id}/{cause}" for cause in loss.causes]
    if missing := [entry for entry in wanted if entry not in allowed]:
        because = "" if loss.causes == (DELETE,) else f", because of {', '.join(loss.causes)}"
        yield (
            f"{loss.stack}: {loss.logical_id} ({loss.resource_type}) {loss.words}{because}. "
            f"To allow it, add {', '.join(json.dumps(entry) for entry in missing)} to {SETTING}."
        )


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Checks the change set of a pipeline job and reports the result to CodePipeline."""
    job = event["CodePipeline.job"]
    pipeline = boto3.client("codepipeline")
    try:
        params = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
        session = _session(params)
        changes = list(_changes(params, session))
        known = {change["LogicalResourceId"]: change for change in changes}
        found = [
            *_hidden(params["stack"], changes),
            *faults(filter(None, (_loss(params["stack"], each, known) for each in changes)), allowed=params["allowed"]),
            *(_overwritten(params, session) if changes else ()),
        ]
    except Exception as error:  # of any kind: fail closed
        found = [f"The change set could not be checked: {error}"]
    if found:
        message = "\n".join(found)[:_LONGEST_MESSAGE]
        pipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": message})
        return
    allowed = f", {len(params['allowed'])} allowed by name" if params["allowed"] else ""
    summary = f"{len(changes)} changes, no stored data lost{allowed}" if changes else "no changes"
    pipeline.put_job_success_result(jobId=job["id"], executionDetails={"summary": summary[:_LONGEST_SUMMARY]})


def _session(params: Mapping[str, Any]) -> dict[str, str]:
    """Region and credentials for the clients of the target account."""
    role = boto3.client("sts").assume_role(RoleArn=params["role"], RoleSessionName="change-set-guard")["Credentials"]
    return {
        "region_name": params["region"],
        "aws_access_key_id": role["AccessKeyId"],
        "aws_secret_access_key": role["SecretAccessKey"],
        "aws_session_token": role["SessionToken"],
    }


def _overwritten(params: Mapping[str, Any], session: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each asset of the new template that was uploaded more or less than once.

    An asset has the hash of its content as its name, and the pipeline uploads a name only once: a second version, which
    the bucket keeps for 30 days, is not what Build made.
    """
    request = {"StackName": params["stack"], "ChangeSetName": params["change_set"]}
    template = boto3.client("cloudformation", **session).get_template(**request, TemplateStage="Original")
    body = template["TemplateBody"]
    storage = boto3.client("s3", **session)
    for bucket, key in sorted(set(_assets(json.loads(body) if isinstance(body, str) else body))):
        listed = storage.list_object_versions(Bucket=bucket, Prefix=key)
        uploads = [
            each for kind in ("Versions", "DeleteMarkers") for each in listed.get(kind, []) if each["Key"] == key
        ]
        if len(uploads) != 1:
            yield (
                f"{params['stack']}: the asset {key} in {bucket} has {len(uploads)} versions instead of one, so it may "
                "not be what Build made. See docs/operations.md#unblock-asset-publishing."
            )


def _assets(part: Any) -> Iterator[tuple[str, str]]:
    """Bucket and key of every file asset that a part of a template names."""
    if isinstance(part, list):
        for each in part:
            yield from _assets(each)
    elif isinstance(part, dict):
        if isinstance(part.get("S3Bucket"), str) and isinstance(part.get("S3Key"), str):
            yield part["S3Bucket"], part["S3Key"]
        for each in part.values():
            yield from _assets(each)


def _changes(params: Mapping[str, Any], session: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    stacks = boto3.client("cloudformation", **session)
    request = {"StackName": params["stack"], "ChangeSetName": params["change_set"]}
    while True:
        page = stacks.describe_change_set(**request)
        reason = page.get("StatusReason", "")
        if page["Status"] == "FAILED" and any(words in reason for words in _EMPTY):
            return
        if page["Status"] != "CREATE_COMPLETE":
            raise RuntimeError(f"{params['change_set']} of {params['stack']} is {page['Status']}: {reason}")
        yield from (change["ResourceChange"] for change in page["Changes"] if "ResourceChange" in change)
        if "NextToken" not in page:
            return
        request["NextToken"] = page["NextToken"]


def _hidden(stack: str, changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for each nested stack that remains in the stack."""
    for change in changes:
        if change["ResourceType"] in NESTED and change["Action"] != "Remove":
            yield (
                f"{stack}: {change['LogicalResourceId']} ({change['ResourceType']}) is a nested stack, and the change "
                "set does not show what changes in it. Make it a stack of its own in the Stage."
            )


def _loss(stack: str, change: Mapping[str, Any], known: Mapping[str, Any]) -> Loss | None:
    identity = (stack, change["LogicalResourceId"], change["ResourceType"])
    if change["Action"] == "Remove":
        return deleted(*identity, retained=change.get("PolicyAction") == "Retain")
    if change["Action"] not in {"Modify", "Dynamic"} or _is_kept(change, known):
        return None
    causes = {target.get("Name") or target["Attribute"] for target in _forcing(change, known)}
    return replaced(*identity, causes=sorted(causes) or ["Replace"], certain=change.get("Replacement") == "True")


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
