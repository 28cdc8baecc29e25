"""The handler of the change-set guard: which change sets pass, and the messages for those that it refuses."""

import json
from typing import Any

import pytest

from pipeline.guard import handler

STACK = "Prod-Payment"
ROLE = "arn:aws:iam::444444444444:role/lookup"
ASSET = "0123456789abcdef.zip"


class FakeAws:
    """CloudFormation with a change set in pages, STS, and CodePipeline with the reported job result."""

    def __init__(self, pages: list[dict[str, Any]], *, versions: list[dict[str, str]] | None = None) -> None:
        self.pages = pages
        self.versions = versions or [{"Key": ASSET}]
        self.requests: list[dict[str, Any]] = []
        self.assumed: list[str] = []
        self.clients: dict[str, dict[str, Any]] = {}
        self.succeeded: dict[str, Any] = {}
        self.failed: dict[str, Any] = {}

    def client(self, service: str, **how: Any) -> "FakeAws":
        self.clients[service] = how
        return self

    def assume_role(self, **arguments: str) -> dict[str, Any]:
        self.assumed.append(arguments["RoleArn"])
        session = dict(zip(("AccessKeyId", "SecretAccessKey", "SessionToken"), ("key", "secret", "token"), strict=True))
        return {"Credentials": session}

    def describe_change_set(self, **arguments: str) -> dict[str, Any]:
        self.requests.append(arguments.copy())
        return self.pages[len(self.requests) - 1]

    def get_template(self, **arguments: str) -> dict[str, Any]:
        assert (arguments["StackName"], arguments["ChangeSetName"]) == (STACK, "Change")
        code = {"S3Bucket": "assets", "S3Key": ASSET}
        return {"TemplateBody": {"Resources": {"Function": {"Properties": {"Code": code}}}}}

    def list_object_versions(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"Bucket": "assets", "Prefix": ASSET}
        return {"Versions": self.versions}

    def put_job_success_result(self, **answer: Any) -> None:
        self.succeeded = answer

    def put_job_failure_result(self, **answer: Any) -> None:
        self.failed = answer

    @property
    def message(self) -> str:
        assert not self.succeeded
        return str(self.failed["failureDetails"]["message"])


def judge(
    monkeypatch: pytest.MonkeyPatch,
    *pages: dict[str, Any],
    allowed: tuple[str, ...] = (),
    versions: list[dict[str, str]] | None = None,
) -> FakeAws:
    aws = FakeAws(list(pages), versions=versions)
    monkeypatch.setattr(handler, "boto3", aws)
    parameters = {"stack": STACK, "change_set": "Change", "region": "us-west-2", "role": ROLE, "allowed": allowed}
    configuration = {"configuration": {"FunctionName": "Guard", "UserParameters": json.dumps(parameters)}}
    handler.handler({"CodePipeline.job": {"id": "job", "data": {"actionConfiguration": configuration}}}, None)
    return aws


def page(*changes: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change} for change in changes], **more}


def change(action: str, kind: str = "AWS::DynamoDB::GlobalTable", **more: Any) -> dict[str, Any]:
    return {"Action": action, "LogicalResourceId": "Sessions", "ResourceType": kind, **more}


def recreating(replacement: str, name: str = "KeySchema", requires: str = "Always") -> dict[str, Any]:
    details = [
        {"Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": requires}},
        {"Target": {"Attribute": "Properties", "Name": "Tags", "RequiresRecreation": "Never"}},
    ]
    return change("Modify", Replacement=replacement, Details=details)


def test_a_change_set_without_data_loss_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    task = change("Modify", "AWS::ECS::TaskDefinition", Replacement="True")
    aws = judge(monkeypatch, page(change("Add"), change("Modify", Replacement="False"), task))
    assert not aws.failed
    assert aws.succeeded == {"jobId": "job", "executionDetails": {"summary": "3 changes, no stored data lost"}}


def test_the_guard_reads_the_change_set_in_the_target_account_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = judge(monkeypatch, page(change("Add")))
    assert aws.assumed == [ROLE]
    assert aws.clients["cloudformation"]["region_name"] == "us-west-2"
    assert aws.clients["cloudformation"]["aws_session_token"] == "token"  # noqa: S105
    assert aws.requests == [{"StackName": STACK, "ChangeSetName": "Change"}]


def test_a_replacement_is_refused_with_its_cause_and_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, page(recreating("True"))).message == (
        "Prod-Payment: Sessions (AWS::DynamoDB::GlobalTable) would be replaced by an empty one, because of KeySchema. "
        'To allow it, add "Prod-Payment/Sessions/KeySchema" to delivery.allowed_changes in cdk.json.'
    )


def test_a_conditional_replacement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = judge(monkeypatch, page(recreating("Conditional", requires="Conditionally"))).message
    assert "may be replaced by an empty one, because of KeySchema" in message


def tagged(key: str = "Key", replacement: str = "False") -> dict[str, Any]:
    """A change of a key's tags, which may also replace the key."""
    details = [{"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"}]
    return change("Modify", "AWS::KMS::Key", Replacement=replacement, Details=details) | {"LogicalResourceId": key}


def depending(name: str, cause: str, source: str, **more: Any) -> dict[str, Any]:
    """The change detail of a create-only property that refers to a changed resource."""
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Always"}
    return {"Target": target, "Evaluation": "Dynamic", "ChangeSource": source, "CausingEntity": cause, **more}


def cluster(*details: dict[str, Any]) -> dict[str, Any]:
    changed = change("Modify", "AWS::RDS::DBCluster", Replacement="Conditional", Details=list(details))
    return changed | {"LogicalResourceId": "Cluster"}


BY_ITS_KEY = depending("KmsKeyId", "Key.Arn", "ResourceAttribute")


def test_a_reference_to_a_resource_with_changed_tags_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = change(
        "Modify",
        "AWS::RDS::DBInstance",
        Replacement="Conditional",
        Details=[depending("DBClusterIdentifier", "Cluster", "ResourceReference"), BY_ITS_KEY],
    )
    assert judge(monkeypatch, page(tagged(), cluster(BY_ITS_KEY), instance)).succeeded


@pytest.mark.parametrize(
    "changes",
    [
        (tagged(replacement="True"), cluster(BY_ITS_KEY)),
        (tagged("Other"), cluster(BY_ITS_KEY)),
        (tagged(), cluster({**BY_ITS_KEY, "ChangeSource": "DirectModification"})),
        (tagged(), cluster({**BY_ITS_KEY, "Evaluation": "Static"})),
        (tagged(), cluster(depending("KmsKeyId", "Key.Other", "ResourceAttribute"))),
        (tagged(), cluster(depending("KmsKeyId", "Key", "ParameterReference"))),
        (tagged(), cluster()),
    ],
    ids=["key replaced", "key unknown", "modified itself", "certain", "another attribute", "a parameter", "no reason"],
)
def test_a_reference_whose_value_may_change_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: tuple[dict[str, Any], ...]
) -> None:
    assert "Cluster (AWS::RDS::DBCluster) may be replaced" in judge(monkeypatch, page(*changes)).message


@pytest.mark.parametrize("kind", sorted(handler.STATEFUL))
def test_a_deletion_of_any_stateful_type_is_refused(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    message = judge(monkeypatch, page(change("Remove", kind, PolicyAction="Delete"))).message
    assert f"Sessions ({kind}) would be deleted." in message
    assert '"Prod-Payment/Sessions/Delete"' in message


def test_removing_a_retained_resource_from_the_stack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = judge(monkeypatch, page(change("Remove", PolicyAction="Retain"))).message
    assert "would leave the stack and remain unmanaged" in message


def test_the_faults_of_all_pages_are_reported_together(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = page(recreating("True"), NextToken="more"), page(change("Remove", "AWS::S3::Bucket"))
    aws = judge(monkeypatch, first, second)
    assert len(aws.message.splitlines()) == 2
    assert aws.requests[1]["NextToken"] == "more"


def test_only_the_allowed_change_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    named = (f"{STACK}/Sessions/KeySchema",)
    assert judge(monkeypatch, page(recreating("True")), allowed=named).succeeded
    assert "TableName" in judge(monkeypatch, page(recreating("True", "TableName")), allowed=named).message
    assert "Delete" in judge(monkeypatch, page(change("Remove")), allowed=named).message


def test_a_change_set_without_changes_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes.", "Changes": []}
    assert judge(monkeypatch, empty).succeeded["executionDetails"] == {"summary": "no changes"}


@pytest.mark.parametrize(
    "unreadable", [{"Status": "FAILED", "StatusReason": "denied", "Changes": []}, {"Status": "CREATE_PENDING"}]
)
def test_an_unreadable_change_set_is_refused(monkeypatch: pytest.MonkeyPatch, unreadable: dict[str, Any]) -> None:
    assert judge(monkeypatch, unreadable).message.startswith("The change set could not be checked: ")


def test_the_failure_message_fits_the_codepipeline_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(judge(monkeypatch, page(*[recreating("True")] * 100)).message) <= 5000


@pytest.mark.parametrize("kind", sorted(handler.NESTED))
def test_a_nested_stack_is_refused_unless_it_is_removed_by_name(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for action in ("Add", "Modify"):
        message = judge(monkeypatch, page(change(action, kind, Replacement="False"))).message
        assert f"Sessions ({kind}) is a nested stack, and the change set does not show what changes in it." in message
    assert "would be deleted" in judge(monkeypatch, page(change("Remove", kind))).message
    assert not judge(monkeypatch, page(change("Remove", kind)), allowed=(f"{STACK}/Sessions/Delete",)).failed


@pytest.mark.parametrize(
    ("versions", "refused"),
    [
        ([{"Key": ASSET}], False),
        ([{"Key": ASSET}, {"Key": f"{ASSET}.sig"}], False),
        ([{"Key": ASSET}, {"Key": ASSET}], True),
        ([{"Key": "another"}], True),
    ],
)
def test_an_asset_with_other_than_one_version_is_refused(
    monkeypatch: pytest.MonkeyPatch, versions: list[dict[str, str]], refused: bool
) -> None:
    aws = judge(monkeypatch, page(change("Add")), versions=versions)
    assert bool(aws.failed) is refused
    if refused:
        assert ASSET in aws.message
