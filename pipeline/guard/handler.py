"""The code of the change-set guard, and its judgement: which changes of a stack lose what the stack holds.

It runs in the function as one file, so it imports nothing of this project.
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
"""The types whose resources hold what no deployment can make again."""

DELETE = "Delete"
"""In the place of a property in an allowed change: the resource leaves its stack."""

SETTING = "delivery.allowed_changes in cdk.json"
_EMPTY = ("didn't contain changes", "No updates are to be performed")
_LONGEST_MESSAGE, _LONGEST_SUMMARY = 4900, 2000


class Loss(NamedTuple):
    """A stateful resource that a change takes from its stack."""

    stack: str
    logical_id: str
    resource_type: str
    words: str  # what would become of it
    causes: tuple[str, ...]  # the properties that cause it, or DELETE


def deleted(stack: str, logical_id: str, resource_type: str, *, retained: bool = False) -> Loss:
    """A resource that the new template does not have any more."""
    words = "would leave the stack, and stand on unmanaged" if retained else "would be deleted"
    return Loss(stack, logical_id, resource_type, words, (DELETE,))


def replaced(stack: str, logical_id: str, resource_type: str, *, causes: Iterable[str], certain: bool) -> Loss:
    """A resource that a change of some properties makes anew, without what it holds."""
    words = "would be replaced by an empty one" if certain else "may be replaced by an empty one"
    return Loss(stack, logical_id, resource_type, words, tuple(causes))


def faults(losses: Iterable[Loss], *, allowed: Collection[str]) -> list[str]:
    """A sentence for each loss that is not allowed, with the setting that would allow exactly it."""
    return [fault for loss in losses if loss.resource_type in STATEFUL for fault in _fault(loss, allowed)]


def _fault(loss: Loss, allowed: Collection[str]) -> Iterator[str]:
    wanted = [f"{loss.stack}/{loss.logical_id}/{cause}" for cause in loss.causes]
    if missing := [entry for entry in wanted if entry not in allowed]:
        because = "" if loss.causes == (DELETE,) else f", because of {', '.join(loss.causes)}"
        yield (
            f"{loss.stack}: {loss.logical_id} ({loss.resource_type}) {loss.words}{because}. "
            f"If that is meant, add {', '.join(json.dumps(entry) for entry in missing)} to {SETTING}."
        )


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Judges the change set that a pipeline's job names, and answers the pipeline."""
    job = event["CodePipeline.job"]
    answers = boto3.client("codepipeline")
    try:
        told = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
        changes = list(_changes(told))
        known = {change["LogicalResourceId"]: change for change in changes}
        found = faults(filter(None, (_loss(told["stack"], each, known) for each in changes)), allowed=told["allowed"])
    except Exception as error:  # whatever it was: what could not be judged is not let through
        found = [f"The change set could not be judged: {error}"]
    if found:
        message = "\n".join(found)[:_LONGEST_MESSAGE]
        answers.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": message})
        return
    allowed = f", {len(told['allowed'])} allowed by name" if told["allowed"] else ""
    summary = f"{len(changes)} changes, none loses stored data{allowed}" if changes else "no changes"
    answers.put_job_success_result(jobId=job["id"], executionDetails={"summary": summary[:_LONGEST_SUMMARY]})


def _changes(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    session = boto3.client("sts").assume_role(RoleArn=told["role"], RoleSessionName="change-set-guard")["Credentials"]
    stacks = boto3.client(
        "cloudformation",
        region_name=told["region"],
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    wanted = {"StackName": told["stack"], "ChangeSetName": told["change_set"]}
    while True:
        page = stacks.describe_change_set(**wanted)
        reason = page.get("StatusReason", "")
        if page["Status"] == "FAILED" and any(words in reason for words in _EMPTY):
            return
        if page["Status"] != "CREATE_COMPLETE":
            raise RuntimeError(f"{told['change_set']} of {told['stack']} is {page['Status']}: {reason}")
        yield from (change["ResourceChange"] for change in page["Changes"] if "ResourceChange" in change)
        if "NextToken" not in page:
            return
        wanted["NextToken"] = page["NextToken"]


def _loss(stack: str, change: Mapping[str, Any], known: Mapping[str, Any]) -> Loss | None:
    identity = (stack, change["LogicalResourceId"], change["ResourceType"])
    if change["Action"] == "Remove":
        return deleted(*identity, retained=change.get("PolicyAction") == "Retain")
    if change["Action"] not in {"Modify", "Dynamic"} or _stays(change, known):
        return None
    causes = {target.get("Name") or target["Attribute"] for target in _forcing(change, known)}
    return replaced(*identity, causes=sorted(causes) or ["Replace"], certain=change.get("Replacement") == "True")


def _stays(change: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a resource is certain to be the same one afterwards."""
    replacement = change.get("Replacement", "False") if change["Action"] == "Modify" else "Unknown"
    explained = bool(_recreating(change)) and not _forcing(change, known)
    return replacement == "False" or (replacement == "Conditional" and explained)


def _forcing(change: Mapping[str, Any], known: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The properties, or else attributes, that force the replacement, or may."""
    return [detail["Target"] for detail in _recreating(change) if not _keeps_its_value(detail, known)]


def _recreating(change: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in change.get("Details", []) if each["Target"].get("RequiresRecreation", "Never") != "Never"]


def _keeps_its_value(detail: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a property only names a resource that stays: a tag of that is enough for CloudFormation to leave it open.

    Names and ARNs alone: other attributes may change while their resource stays.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    """
    entity, _, attribute = detail.get("CausingEntity", "").partition(".")
    named = detail.get("ChangeSource") in {"ResourceReference", "ResourceAttribute"} and attribute in {"", "Arn"}
    return named and detail.get("Evaluation") == "Dynamic" and entity in known and _stays(known[entity], known)
