"""The handler of the change-set guard: which change sets pass, and the messages for those that it refuses."""

import io
import json
from typing import Any

import pytest

from pipeline import job
from pipeline.digests.content import content_digest, stack_digests
from pipeline.guard import handler
from pipeline.guard.losses import NESTED, STATEFUL

STACK = "Prod-Payment"
ROLE = "arn:aws:iam::444444444444:role/payment-plan-prod"
ASSET, DEPLOYED_ASSET = "0123456789abcdef.zip", "fedcba9876543210.zip"
EVERYTHING = [f"{STACK}/Sessions/{cause}" for cause in ("KeySchema", "TableName", "Delete")]


class FakeAws:
    """CloudFormation with a change set in pages, STS, and CodePipeline with the reported job result."""

    def __init__(self, pages: list[dict[str, Any]], **answers: Any) -> None:
        self.pages = pages
        self.versions = answers.get("versions") or [{"Key": ASSET}]
        self.deployed_versions = answers.get("deployed_versions", [])
        self.allowed = answers.get("allowed", ())
        self.before, self.after = answers.get("before", {}), answers.get("after", {})  # the resources of the templates
        self.alarm = answers.get("alarm")
        self.execution_type = answers.get("execution_type", "STANDARD")
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
        return self.pages[(len(self.requests) - 1) % len(self.pages)]

    def get_template(self, **arguments: str) -> dict[str, Any]:
        assert arguments["StackName"] == STACK
        if "ChangeSetName" not in arguments:  # the deployed one, which allowed everything that it changed
            return {"TemplateBody": {"Metadata": {"AllowedChanges": EVERYTHING}, "Resources": self.before}}
        assert arguments["ChangeSetName"] == "Change"
        code = {"S3Bucket": "assets", "S3Key": ASSET}
        function = {"Type": "AWS::Lambda::Function", "Properties": {"Code": code}}
        metadata = {"Metadata": {"AllowedChanges": list(self.allowed)}} if self.allowed else {}
        return {"TemplateBody": {"Resources": {"Function": function, **self.after}, **metadata}}

    def describe_alarms(self, **arguments: Any) -> dict[str, Any]:
        assert arguments["AlarmNames"] == ["payment-deployment-prod"]
        return {"MetricAlarms": [{"StateValue": self.alarm}] if self.alarm else [], "CompositeAlarms": []}

    def get_pipeline_execution(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"pipelineName": "delivery", "pipelineExecutionId": "execution"}
        return {"pipelineExecution": {"executionType": self.execution_type}}

    def list_object_versions(self, **arguments: str) -> dict[str, Any]:
        assert arguments["Bucket"] == "assets"
        return {"Versions": {ASSET: self.versions, DEPLOYED_ASSET: self.deployed_versions}[arguments["Prefix"]]}

    def get_object(self, **arguments: str) -> dict[str, Any]:
        assert arguments == {"Bucket": "assets", "Key": ASSET}
        return {"Body": io.BytesIO(b"code")}

    def put_job_success_result(self, **answer: Any) -> None:
        self.succeeded = answer

    def put_job_failure_result(self, **answer: Any) -> None:
        self.failed = answer

    @property
    def message(self) -> str:
        assert not self.succeeded
        return str(self.failed["failureDetails"]["message"])


def judge(monkeypatch: pytest.MonkeyPatch, *pages: dict[str, Any], **answers: Any) -> FakeAws:
    aws = FakeAws(list(pages), **answers)
    for module in (handler, job):
        monkeypatch.setattr(module, "boto3", aws)
    parameters = {"stack": STACK, "change_set": "Change", "region": "us-west-2", "role": ROLE}
    parameters |= {"pipeline": "delivery", "execution": "execution", "alarm": "payment-deployment-prod"}
    made = aws.get_template(StackName=STACK, ChangeSetName="Change")["TemplateBody"]
    contents = {f"assets/{ASSET}": content_digest(b"code")}
    built = stack_digests(made, parameters={}, tags={}, contents=contents)
    parameters["digests"] = answers.get("digests", built)
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
    assert aws.requests == [{"StackName": STACK, "ChangeSetName": "Change"}] * 2


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


@pytest.mark.parametrize("kind", sorted(STATEFUL))
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


def test_a_change_that_an_earlier_release_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{STACK}/Sessions/KeySchema" in EVERYTHING
    assert "KeySchema" in judge(monkeypatch, page(recreating("True"))).message


def test_a_change_set_without_changes_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes.", "Changes": []}
    assert judge(monkeypatch, empty).succeeded["executionDetails"] == {"summary": "no changes"}


def test_a_change_of_outputs_only_is_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, page()).succeeded["executionDetails"] == {"summary": "0 changes, no stored data lost"}
    assert "is not what Build made of this release" in judge(monkeypatch, page(), digests="other other other").message
    assert "has 2 versions" in judge(monkeypatch, page(), versions=[{"Key": ASSET}] * 2).message
    templates = {"before": with_replicas("us-west-2", "eu-west-1"), "after": with_replicas("us-west-2")}
    assert "would keep less data" in judge(monkeypatch, page(), **templates).message


@pytest.mark.parametrize(
    "unreadable", [{"Status": "FAILED", "StatusReason": "denied", "Changes": []}, {"Status": "CREATE_PENDING"}]
)
def test_an_unreadable_change_set_is_refused(monkeypatch: pytest.MonkeyPatch, unreadable: dict[str, Any]) -> None:
    assert judge(monkeypatch, unreadable).message.startswith("The change set could not be checked: ")


def test_the_failure_message_fits_the_codepipeline_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(judge(monkeypatch, page(*[recreating("True")] * 100)).message) <= 5000


@pytest.mark.parametrize("kind", sorted(NESTED))
def test_a_nested_stack_is_refused_unless_it_is_removed_by_name(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for action in ("Add", "Modify"):
        message = judge(monkeypatch, page(change(action, kind, Replacement="False"))).message
        assert f"Sessions ({kind}) is a nested stack, and the change set does not show what changes in it." in message
    assert "would be deleted" in judge(monkeypatch, page(change("Remove", kind))).message
    assert not judge(monkeypatch, page(change("Remove", kind)), allowed=(f"{STACK}/Sessions/Delete",)).failed


def with_replicas(*regions: str) -> dict[str, Any]:
    properties = {"Replicas": [{"Region": region} for region in regions]}
    return {"Sessions": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}}


def test_a_loss_in_place_is_refused_unless_it_is_allowed_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    templates = {"before": with_replicas("us-west-2", "eu-west-1"), "after": with_replicas("us-west-2")}
    changed = page(change("Modify", Replacement="False"))
    assert judge(monkeypatch, changed, **templates).message == (
        "Prod-Payment: Sessions (AWS::DynamoDB::GlobalTable) would keep less data, or protect it less, because of "
        'Replicas. To allow it, add "Prod-Payment/Sessions/Replicas" to delivery.allowed_changes in cdk.json.'
    )
    assert judge(monkeypatch, changed, **templates, allowed=(f"{STACK}/Sessions/Replicas",)).succeeded


@pytest.mark.parametrize("kind", ["AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection"])
def test_the_end_of_backups_is_refused_and_their_replacement_passes(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    assert "would be deleted" in judge(monkeypatch, page(change("Remove", kind))).message
    assert judge(monkeypatch, page(recreating("True") | {"ResourceType": kind})).succeeded


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


@pytest.mark.parametrize(("uploads", "refused"), [(1, False), (2, True), (0, False)])
def test_an_overwritten_asset_of_the_deployed_template_is_refused(
    monkeypatch: pytest.MonkeyPatch, uploads: int, refused: bool
) -> None:
    code = {"S3Bucket": "assets", "S3Key": DEPLOYED_ASSET}
    before = {"Function": {"Type": "AWS::Lambda::Function", "Properties": {"Code": code}}}
    versions = [{"Key": DEPLOYED_ASSET}] * uploads
    task = change("Modify", "AWS::ECS::TaskDefinition", Replacement="True")
    aws = judge(monkeypatch, page(task), before=before, deployed_versions=versions)
    assert bool(aws.failed) is refused
    if refused:
        assert f"the asset {DEPLOYED_ASSET} in assets has 2 versions" in aws.message


RULE, GROUPS = "AWS::ElasticLoadBalancingV2::ListenerRule", ("Group", "Other")


def shifting(*, on: bool = True) -> dict[str, Any]:
    """A service whose traffic ECS shifts between two target groups, or no longer does."""
    group, other = ({"Ref": name} for name in GROUPS)
    shift = {"AlternateTargetGroupArn": other, "ProductionListenerRule": {"Ref": "Rule"}, "RoleArn": {"Ref": "Role"}}
    target = {"TargetGroupArn": group} | ({"AdvancedConfiguration": shift} if on else {})
    return {"Service": {"Type": "AWS::ECS::Service", "Properties": {"LoadBalancers": [target]}}}


def touching(name: str, kind: str, *details: dict[str, Any], action: str = "Modify") -> dict[str, Any]:
    return {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Details": list(details)}


def changed(name: str | None = None) -> dict[str, Any]:
    """The change detail of a property; without its name, of the tags."""
    target = {"Attribute": "Properties", "Name": name} if name else {"Attribute": "Tags"}
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


@pytest.mark.parametrize(
    ("change", "words", "entry"),
    [
        (touching("Rule", RULE, changed("Actions")), "would be updated because of Actions", "Rule/Actions"),
        (touching("Rule", RULE, changed()), "would be updated because of Tags", "Rule/Tags"),
        (touching("Rule", RULE), "would be updated because of Update", "Rule/Update"),
        (touching("Group", "Group", changed("Port")), "would be updated because of Port", "Group/Port"),
        (touching("Other", "Group", action="Remove"), "would be deleted", "Other/Delete"),
    ],
)
def test_a_change_of_what_ecs_shifts_is_refused_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str, entry: str
) -> None:
    service = {"before": shifting(), "after": shifting()}
    message = judge(monkeypatch, page(change), **service).message
    assert words in message
    assert "Shift it back first: docs/operations.md#shift-the-traffic-back." in message
    assert f'"{STACK}/{entry}"' in message
    assert judge(monkeypatch, page(change), **service, allowed=(f"{STACK}/{entry}",)).succeeded


def test_switching_the_canary_off_is_refused_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    change = touching("Service", "AWS::ECS::Service", changed("LoadBalancers"))
    service, entry = {"before": shifting(), "after": shifting(on=False)}, f"{STACK}/Service/AdvancedConfiguration"
    message = judge(monkeypatch, page(change), **service).message
    assert message.startswith(f"{STACK}: Service (AWS::ECS::Service) would leave its traffic. ECS shifts the traffic")
    assert f'"{entry}"' in message
    assert judge(monkeypatch, page(change), **service, allowed=(entry,)).succeeded


LISTENER = touching("Listener", "Listener", changed("SslPolicy")) | {"Replacement": "False"}


@pytest.mark.parametrize(
    ("changes", "before"),
    [
        ([touching("Role", "AWS::IAM::Role", changed("Description"))], shifting()),
        ([touching("Service", "AWS::ECS::Service", changed("TaskDefinition"))], shifting()),
        ([touching("Rule", RULE, depending("ListenerArn", "Listener", "ResourceReference")), LISTENER], shifting()),
        ([touching("Rule", RULE, changed("Actions"))], shifting(on=False)),
    ],
    ids=["of its role", "of its task", "that keeps its value", "that switches the canary on"],
)
def test_a_change_that_resets_no_weights_passes(
    monkeypatch: pytest.MonkeyPatch, changes: list[dict[str, Any]], before: dict[str, Any]
) -> None:
    assert judge(monkeypatch, page(*changes), before=before, after=shifting()).succeeded


def test_a_new_stack_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, page(touching("Rule", RULE, action="Add")), after=shifting()).succeeded


REPAIR = f"{STACK}/DeploymentAlarm/Repair"


def test_a_deployment_whose_alarm_is_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = judge(monkeypatch, page(change("Add")), alarm="ALARM").message
    assert message.startswith("Prod-Payment: the alarm payment-deployment-prod is on, and ECS does not watch an alarm")
    assert "docs/operations.md#deliver-a-repair" in message
    assert f'"{REPAIR}"' in message


@pytest.mark.parametrize("alarm", [None, "OK", "INSUFFICIENT_DATA"])
def test_a_deployment_whose_alarm_is_off_or_not_created_yet_passes(
    monkeypatch: pytest.MonkeyPatch, alarm: str | None
) -> None:
    assert judge(monkeypatch, page(change("Add")), alarm=alarm).succeeded


def test_a_declared_repair_and_a_rollback_pass_while_the_alarm_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(monkeypatch, page(change("Add")), alarm="ALARM", allowed=(REPAIR,)).succeeded
    assert judge(monkeypatch, page(change("Add")), alarm="ALARM", execution_type="ROLLBACK").succeeded
