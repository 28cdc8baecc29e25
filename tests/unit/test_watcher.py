"""The watcher: which calls notify, and what its message says about the pipeline as it is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipeline.bootstrap import watcher, watcher_handler
from pipeline.bootstrap.account import unwatched
from pipeline.duties import WATCHER
from pipeline.settings import Delivery, load_delivery
from stages.names import ASSETS_ROLE, FINDINGS_ROLE, GUARD_ROLE, PIPELINE_ROLE
from tests import events
from tests.sample import sample_settings
from tests.templates import Assembly, references

DELIVERY = load_delivery(sample_settings(), release="unreleased")
TOOLING, REGION = DELIVERY.account, DELIVERY.primary_region
DEV, PROD = (DELIVERY.environments[index].account for index in (0, -1))
DEPLOYMENT = f"cdk-hnb659fds-cfn-exec-role-{TOOLING}-{REGION}"
TOPIC = f"arn:aws:sns:{REGION}:{TOOLING}:{WATCHER}"


def role(name: str, account: str = TOOLING) -> dict[str, Any]:
    return events.role(name, account)


PERSON = role("Administrator")
ROOT = events.root(TOOLING)
SCALING = events.role("AWSServiceRoleForApplicationAutoScaling_ECSService", TOOLING, path="aws-service-role/ecs/")
SERVICE = {"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"}


def elsewhere(account: str) -> dict[str, Any]:
    """The identity of a caller from another account, in the account of the role that is assumed."""
    return {"type": "AWSAccount", "principalId": "AROAEXAMPLE:session", "accountId": account}


def event(service: str, name: str, identity: dict[str, Any], account: str = TOOLING, **detail: Any) -> dict[str, Any]:
    return events.api_call(service, name, identity, account=account, region=REGION, **detail)


def assumed(identity: dict[str, Any], *, account: str = TOOLING, name: str = "deploy") -> dict[str, Any]:
    asked = {"roleArn": f"arn:aws:iam::{PROD}:role/cdk-hnb659fds-{name}-role-{PROD}-{REGION}"}
    return event("sts", "AssumeRole", identity, account=account, requestParameters=asked)


def refused(identity: dict[str, Any]) -> dict[str, Any]:
    asked = f"not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::{PROD}:role/cdk-hnb659fds-deploy-role"
    detail: dict[str, Any] = {"errorCode": "AccessDenied", "errorMessage": asked, "requestParameters": None}
    return event("sts", "AssumeRole", identity, **detail)


IMAGE = DELIVERY.image
REPOSITORY = IMAGE.repository_arn


def scan_event(kind: str, detail: dict[str, Any], account: str = IMAGE.account) -> dict[str, Any]:
    """An event about an image's scan, as Inspector or ECR send it.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html and
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    source = "aws.inspector2" if kind.startswith("Inspector2") else "aws.ecr"
    return event("scan", "", PERSON, account=account) | {"source": source, "detail-type": kind, "detail": detail}


def finding(
    severity: str = "CRITICAL", *, status: str = "ACTIVE", repository: str = REPOSITORY, account: str = IMAGE.account
) -> dict[str, Any]:
    resource = {"type": "AWS_ECR_CONTAINER_IMAGE", "id": f"{repository}/{IMAGE.digest}"}
    detail = {"severity": severity, "status": status, "title": "CVE-2026-1 - openssl", "resources": [resource]}
    return scan_event("Inspector2 Finding", detail, account)


def scan(repository: str = IMAGE.repository, **counts: int) -> dict[str, Any]:
    detail = {"scan-status": "COMPLETE", "repository-name": repository, "image-digest": IMAGE.digest, "image-tags": []}
    return scan_event("ECR Image Scan", {**detail, "finding-severity-counts": counts})


def resource(
    kind: str, status: str = "UPDATE_COMPLETE", account: str = TOOLING, stack: str = DELIVERY.stack_name
) -> dict[str, Any]:
    """The event that EventBridge receives of CloudFormation, which needs no trail."""
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-resource-status-change.html
    detail = {
        "stack-id": f"arn:aws:cloudformation:{REGION}:{account}:stack/{stack}/00000000-0000-0000-0000-000000000000",
        "logical-resource-id": "Changed1A2B3C4D",
        "physical-resource-id": f"{stack}-Changed",
        "status-details": {"status": status, "status-reason": ""},
        "resource-type": kind,
        "client-request-token": "",
    }
    of_cloudformation = {"source": "aws.cloudformation", "detail-type": "CloudFormation Resource Status Change"}
    return {**event("cloudformation", "", {}, account), **of_cloudformation, "detail": detail}


_OTHER_COMMIT = {"sourceRevisions": [{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "1a2b"}]}
NOTIFIED = {
    "a critical finding of Inspector": finding(),
    "a basic scan with critical findings": scan(CRITICAL=2, HIGH=1),
    "a role that a delivery changes": resource("AWS::IAM::Role"),
    "a role that a delivery creates": resource("AWS::IAM::Role", "CREATE_COMPLETE"),
    "a policy that a delivery changes": resource("AWS::IAM::Policy"),
    "a policy that a delivery deletes": resource("AWS::IAM::ManagedPolicy", "DELETE_COMPLETE"),
    "the guard that a delivery changes": resource("AWS::Lambda::Function"),
    "a build project that a delivery changes": resource("AWS::CodeBuild::Project"),
    "a policy of a nested or another stack": resource("AWS::IAM::Policy", stack="DeployedBefore"),
    "a trail that is stopped": event("cloudtrail", "StopLogging", PERSON),
    "a trail of Prod that is deleted": event("cloudtrail", "DeleteTrail", role("Team", PROD), account=PROD),
    "a trail that logs less": event("cloudtrail", "PutEventSelectors", ROOT),
    "a trail that is changed": event("cloudtrail", "UpdateTrail", PERSON),
    "a retry": event("codepipeline", "RetryStageExecution", PERSON),
    "a rollback": event("codepipeline", "RollbackStage", PERSON),
    "an opened transition": event("codepipeline", "EnableStageTransition", PERSON),
    "a release of another commit than the latest": event(
        "codepipeline", "StartPipelineExecution", PERSON, requestParameters=_OTHER_COMMIT
    ),
    "an update by the pipeline itself": event("codepipeline", "UpdatePipeline", role(DEPLOYMENT)),
    "a new pipeline": event("codepipeline", "CreatePipeline", PERSON),
    "a deleted pipeline": event("codepipeline", "DeletePipeline", ROOT),
    "an answer of an approval": event("codepipeline", "PutApprovalResult", PERSON),
    "an overridden condition": event("codepipeline", "OverrideStageCondition", PERSON),
    "the result of a job, by a person": event("codepipeline", "PutJobSuccessResult", PERSON),
    "the result of a job, by the pipeline's role": event("codepipeline", "PutJobSuccessResult", role(PIPELINE_ROLE)),
    "the result of a job, by root": event("codepipeline", "PutThirdPartyJobSuccessResult", ROOT),
    "a build that a person starts": event("codebuild", "StartBuild", PERSON),
    "a build that a build starts": event("codebuild", "StartBuild", role("PipelineStack-PipelineBuildSynth-1")),
    "a build that is run again": event("codebuild", "RetryBuild", ROOT),
    "a project that a person changes": event("codebuild", "UpdateProject", PERSON),
    "a guard that a person changes": event("lambda", "UpdateFunctionCode20150331v2", PERSON),
    "a guard that the pipeline's role changes": event("lambda", "UpdateFunctionConfiguration", role(PIPELINE_ROLE)),
    "a person in a deploy role": assumed(PERSON),
    "root in a deploy role": assumed(ROOT),
    "a person who is refused a deploy role": refused(PERSON),
    "a role of Prod in a role of cdk bootstrap": assumed(role("Administrator", PROD), account=PROD, name="cfn-exec"),
    "a role of Prod with a name of ours": assumed(role("PipelineStack-Mine", PROD), account=PROD),
    "a rule that a person deletes": event("events", "DeleteRule", PERSON),
    "a mailbox that root unsubscribes": event("sns", "Unsubscribe", ROOT),
    "an alarm that the pipeline's role silences": event("monitoring", "DisableAlarmActions", role(PIPELINE_ROLE)),
    "an account that is not the tooling account": assumed(elsewhere("999999999999"), account=PROD),
}
EXPECTED = {
    "a build in the account of an environment": event("codebuild", "StartBuild", role("Team", PROD), account=PROD),
    "the pipeline's own build": event("codebuild", "StartBuild", role(PIPELINE_ROLE)),
    "a finding of Inspector that is not critical": finding("HIGH"),
    "a critical finding that is closed": finding(status="CLOSED"),
    "a critical finding of another image": finding(repository=f"{REPOSITORY}-of-others"),
    "a critical finding in another account": finding(account="999999999999"),
    "a basic scan without critical findings": scan(HIGH=1),
    "a basic scan of another image": scan("others", CRITICAL=1),
    "the image check's result": event("codepipeline", "PutJobFailureResult", role(FINDINGS_ROLE)),
    "the guard's result": event("codepipeline", "PutJobSuccessResult", role(GUARD_ROLE)),
    "a project that a delivery changes": event("codebuild", "UpdateProject", role(DEPLOYMENT)),
    "a function that a delivery changes": event("lambda", "UpdateFunctionCode20150331v2", role(DEPLOYMENT)),
    "an alarm that a delivery deletes": event("monitoring", "DeleteAlarms", role(DEPLOYMENT)),
    "an alarm that Application Auto Scaling deletes": event("monitoring", "DeleteAlarms", SCALING),
    "a resource that a delivery is changing": resource("AWS::IAM::Role", "UPDATE_IN_PROGRESS"),
    "a parameter that a delivery changes": resource("AWS::SSM::Parameter"),
    "a role of an environment": resource("AWS::IAM::Role", account=PROD, stack="Prod-Payment"),
    "a trail that is read": event("cloudtrail", "LookupEvents", PERSON),
    "a release of the latest commit": event("codepipeline", "StartPipelineExecution", PERSON),
    "the pipeline in a deploy role": assumed(role(PIPELINE_ROLE)),
    "the asset build in a publishing role": assumed(role(ASSETS_ROLE), name="file-publishing"),
    "the tooling account, as Prod sees it": assumed(elsewhere(TOOLING), account=PROD),
    "CloudFormation in its own role": assumed(SERVICE, account=PROD, name="cfn-exec"),
    "a person in another role": event(
        "sts", "AssumeRole", PERSON, requestParameters={"roleArn": f"arn:aws:iam::{TOOLING}:role/Reader"}
    ),
}


def resources(kind: str) -> dict[str, dict[str, Any]]:
    found = watcher.resources(DELIVERY)
    return {name: each for name, each in found.items() if each["Type"] == f"AWS::{kind}"}


@pytest.fixture(scope="module")
def notifies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, Any]], int]]:
    """How many rules match an event."""
    patterns = json.dumps([rule["Properties"]["EventPattern"] for rule in resources("Events::Rule").values()])
    patterns = patterns.replace("${AWS::AccountId}", TOOLING)
    patterns = json.loads(patterns, object_hook=lambda each: each.get("Fn::Sub", each))
    log = tmp_path_factory.mktemp("events") / "emulator.log"
    with events.matching(patterns, account=TOOLING, region=REGION, log=log) as count:
        yield count


@pytest.mark.parametrize("call", NOTIFIED)
def test_a_call_that_leads_past_a_gate_notifies(notifies: Callable[[dict[str, Any]], int], call: str) -> None:
    assert notifies(NOTIFIED[call]), f"{call}: match it in pipeline/bootstrap/watcher.py"


@pytest.mark.parametrize("call", EXPECTED)
def test_what_a_delivery_does_notifies_of_nothing(notifies: Callable[[dict[str, Any]], int], call: str) -> None:
    assert not notifies(EXPECTED[call]), f"{call}: every release would notify, and no message would be read"


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("codepipeline:PutJobSuccessResult", lambda name: event("codepipeline", "PutJobSuccessResult", role(name))),
        ("sts:AssumeRole", lambda name: assumed(role(name))),
    ],
    ids=["result of a job", "assumed role"],
)
def test_no_role_of_the_pipeline_stack_notifies_by_its_work(
    notifies: Callable[[dict[str, Any]], int],
    assembly: Assembly,
    action: str,
    call: Callable[[str], dict[str, Any]],
) -> None:
    roles = assembly.resources("PipelineStack", "AWS::IAM::Role")
    able = {
        role
        for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
        for policy in assembly.resources("PipelineStack", kind).values()
        for role in references(policy.get("Roles", []))
        if f'"{action}"' in json.dumps(policy["PolicyDocument"])
    }
    names = {roles[each].get("RoleName", f"PipelineStack-{each}-1A2B3C4D5E6F") for each in able}
    assert len(names) > 1
    loud = {name for name in names if notifies(call(name))}
    assert loud == set(), f"expect these roles in pipeline/bootstrap/watcher.py: {sorted(loud)}"


def test_a_trial_with_environments_in_the_tooling_account_watches_the_pipelines_stacks_only() -> None:
    def watched(delivery: Delivery) -> dict[str, Any]:
        pattern = watcher.resources(delivery)["WatchedResources"]["Properties"]["EventPattern"]
        assert pattern["account"] == [TOOLING]
        return dict(pattern["detail"])

    assert "stack-id" not in watched(DELIVERY)
    ((stack,),) = (each.values() for each in watched(replace(DELIVERY, trial="one account only"))["stack-id"])
    assert stack.endswith(":stack/PipelineStack")


def test_the_rule_on_assumed_roles_receives_read_only_calls() -> None:
    (state,) = {rule["Properties"].get("State", "ENABLED") for rule in resources("Events::Rule").values()} - {"ENABLED"}
    assert state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert resources("Events::Rule")["WatchedRoles"]["Properties"]["State"] == state


def test_every_resource_of_the_watcher_has_a_name_that_the_boundary_denies() -> None:
    denied = json.dumps(watcher.denials(DELIVERY)[0]["Resource"])
    for kind, name in (
        ("Events::Rule", "Name"),
        ("IAM::Role", "RoleName"),
        ("Lambda::Function", "FunctionName"),
        ("SNS::Topic", "TopicName"),
    ):
        for each in resources(kind).values():
            assert each["Properties"][name].startswith(WATCHER)
            assert f":{kind.split('::')[0].lower()}:" in denied
    (log,) = resources("Logs::LogGroup").values()
    assert log["Properties"]["LogGroupName"] == f"/aws/lambda/{WATCHER}"
    assert "stack/payment-delivery-permissions" in denied
    assert f"stack/{WATCHER}/" in denied


def action(name: str, category: str, order: int, **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": "Manual", "version": "1"}
    return {"name": name, "actionTypeId": kind, "runOrder": order, **more}


def deployment(environment: str, account: str) -> dict[str, Any]:
    """The action that deploys a stack in an account, in its region."""
    role_arn = f"arn:aws:iam::{account}:role/cdk-hnb659fds-deploy-role-{account}-{REGION}"
    configuration = {"StackName": f"{environment}-Payment", "ActionMode": "CHANGE_SET_EXECUTE"}
    return action("Deploy", "Deploy", 1, configuration=configuration, roleArn=role_arn, region=REGION)


WINDOW = {
    "name": "Window",
    "ruleTypeId": {"category": "Rule", "provider": "DeploymentWindow"},
    "configuration": {"Cron": "* 9"},
}
PLAN = action("PlanProd", "Build", 1, configuration={"ProjectName": "plan-prod"})
PIPELINE: dict[str, Any] = {
    "name": "payment-delivery",
    "roleArn": f"arn:aws:iam::{TOOLING}:role/{PIPELINE_ROLE}",
    "version": 7,
    "executionMode": "QUEUED",
    "stages": [
        {"name": "Dev", "actions": [deployment("Dev", DEV)]},
        {"name": "ApproveProd", "actions": [action("ApproveProd", "Approval", 2), PLAN]},
        {
            "name": "Prod",
            "actions": [deployment("Prod", PROD)],
            "beforeEntry": {"conditions": [{"result": "FAIL", "rules": [WINDOW]}]},
            "onFailure": {"result": "ROLLBACK"},
        },
    ],
}
UPDATE = event(
    "codepipeline", "UpdatePipeline", role(DEPLOYMENT), requestParameters={"pipeline": {"name": "payment-delivery"}}
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """CodePipeline and SNS, whose requests and answers are checked against botocore's models."""
    clients = {name: boto3.client(name, region_name=REGION) for name in ("codepipeline", "sns")}
    monkeypatch.setenv("TOPIC", TOPIC)
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    stubbers = {name: Stubber(client) for name, client in clients.items()}
    for each in stubbers.values():
        each.activate()
    yield stubbers
    for each in stubbers.values():
        each.assert_no_pending_responses()


def published(aws: dict[str, Stubber], given: dict[str, Any]) -> tuple[str, str]:
    """The subject and the text of the one message."""
    sent: dict[str, Any] = {}
    aws["sns"].add_response("publish", {"MessageId": "1"})
    aws["sns"].client.meta.events.register("provide-client-params.sns.Publish", lambda params, **_: sent.update(params))
    watcher_handler.handler(given, None)
    assert sent["TopicArn"] == TOPIC
    return sent["Subject"], sent["Message"]


def test_a_changed_pipeline_is_published_with_its_stages_approvals_and_conditions(aws: dict[str, Stubber]) -> None:
    aws["codepipeline"].add_response("get_pipeline", {"pipeline": PIPELINE}, {"name": "payment-delivery"})
    subject, text = published(aws, UPDATE)
    assert subject == "payment-delivery has the approvals: ApproveProd"
    assert f"assumed-role/{DEPLOYMENT}/session called UpdatePipeline" in text
    assert "version 7, QUEUED" in text
    assert "ApproveProd: PlanProd (plan-prod), ApproveProd (approval)" in text
    assert (
        f"Prod: Deploy (Prod-Payment {PROD} {REGION})\n"
        '  beforeEntry: DeploymentWindow {"Cron": "* 9"} or FAIL\n  onFailure: ROLLBACK'
    ) in text


def test_the_first_lines_say_what_is_deployed_before_and_after_each_approval(aws: dict[str, Stubber]) -> None:
    aws["codepipeline"].add_response("get_pipeline", {"pipeline": PIPELINE})
    _, text = published(aws, UPDATE)
    dev, prod = f"Dev-Payment {DEV} {REGION}", f"Prod-Payment {PROD} {REGION}"
    assert text.startswith(f"Deployed without an approval: {dev}\nDeployed after ApproveProd: {prod}\n\n")


@pytest.mark.parametrize("beside", [False, True], ids=["an earlier stage", "beside the approval"])
def test_a_prod_action_that_no_approval_precedes_changes_the_message(aws: dict[str, Stubber], beside: bool) -> None:
    dev, approval, prod = PIPELINE["stages"]
    early = deployment("Prod", PROD)
    moved = {**approval, "actions": [*approval["actions"], {**early, "runOrder": 2}]} if beside else approval
    stages = [dev if beside else {**dev, "actions": [early]}, moved, prod]
    aws["codepipeline"].add_response("get_pipeline", {"pipeline": {**PIPELINE, "stages": stages}})
    subject, text = published(aws, UPDATE)
    assert subject == "payment-delivery has the approvals: ApproveProd"  # as before
    assert f"Prod-Payment {PROD} {REGION}" in text.splitlines()[0]


def test_a_pipeline_without_an_approval_says_so_in_the_subject(aws: dict[str, Stubber]) -> None:
    without = {**PIPELINE, "stages": [PIPELINE["stages"][index] for index in (0, -1)]}
    aws["codepipeline"].add_response("get_pipeline", {"pipeline": without})
    assert published(aws, UPDATE)[0] == "payment-delivery has the approvals: none"


@pytest.mark.parametrize("call", ["DeletePipeline", "UpdatePipeline"])
def test_a_pipeline_that_cannot_be_read_notifies_too(aws: dict[str, Stubber], call: str) -> None:
    aws["codepipeline"].add_client_error("get_pipeline", "PipelineNotFoundException", "there is none")
    subject, text = published(aws, event("codepipeline", call, PERSON, requestParameters={"name": "payment-delivery"}))
    assert subject == "payment-delivery: the gates could not be read"
    assert "PipelineNotFoundException" in text


def test_a_change_whose_parameters_cloudtrail_left_out_notifies_too(aws: dict[str, Stubber]) -> None:
    aws["codepipeline"].add_client_error("get_pipeline", "ValidationException", "no such name")
    subject, _ = published(aws, event("codepipeline", "UpdatePipeline", PERSON, requestParameters=None))
    assert subject == "?: the gates could not be read"


def test_another_call_is_published_with_caller_result_and_parameters(aws: dict[str, Stubber]) -> None:
    subject, text = published(aws, assumed(elsewhere("999999999999"), account=PROD))
    assert subject == f"AssumeRole in account {PROD}"
    assert "AWSAccount AROAEXAMPLE:session called AssumeRole" in text
    assert "The call succeeded" in text
    assert f"cdk-hnb659fds-deploy-role-{PROD}" in text
    _, text = published(aws, refused(PERSON))
    assert "The call was refused: AccessDenied not authorized" in text


@pytest.mark.parametrize(
    ("given", "what", "image"),
    [
        (finding(), "CVE-2026-1 - openssl", f"{REPOSITORY}/{IMAGE.digest}"),
        (scan(CRITICAL=2), "2 findings", f"{IMAGE.repository}/{IMAGE.digest}"),
    ],
    ids=["enhanced", "basic"],
)
def test_a_critical_finding_is_published_with_the_image_and_its_runbook(
    aws: dict[str, Stubber], given: dict[str, Any], what: str, image: str
) -> None:
    subject, text = published(aws, given)
    assert subject == f"Critical in the image: {what}"
    assert f"in {image}: account {IMAGE.account}" in text
    assert "docs/operations.md#image-with-critical-findings" in text


def test_a_changed_resource_of_the_pipelines_stack_is_published_by_its_name(aws: dict[str, Stubber]) -> None:
    subject, text = published(aws, resource("AWS::Lambda::Function"))
    assert subject == "PipelineStack: Changed1A2B3C4D is UPDATE_COMPLETE"
    assert text.startswith(
        "CloudFormation reports UPDATE_COMPLETE of Changed1A2B3C4D (AWS::Lambda::Function, PipelineStack-Changed) in "
        f"the stack PipelineStack of account {TOOLING}, region {REGION}, at 2026-11-27T03:00:00Z."
    )


def test_a_message_that_cannot_be_published_is_an_error_for_lambda_to_repeat(aws: dict[str, Stubber]) -> None:
    aws["sns"].add_client_error("publish", "InternalError")
    with pytest.raises(Exception, match="InternalError"):
        watcher_handler.handler(event("codebuild", "StartBuild", PERSON), None)
    (failures,) = resources("Lambda::EventInvokeConfig").values()
    assert failures["Properties"]["DestinationConfig"] == {"OnFailure": {"Destination": {"Ref": "WatcherTopic"}}}


def test_the_mailbox_is_that_of_the_deliverys_notifications(delivery: Delivery) -> None:
    (mailbox,) = resources("SNS::Subscription").values()
    assert mailbox["Properties"]["Endpoint"] == delivery.notifications.email


def selectors(*fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, *fields]}]
    }


@pytest.mark.parametrize(
    ("logging", "answer", "complete"),
    [
        (True, None, True),
        (False, None, False),
        (True, {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
        (True, {"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, False),
        (True, {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        (True, selectors(), True),
        (True, selectors({"Field": "readOnly", "Equals": ["false"]}), False),
        (True, "AccessDenied", True),
    ],
    ids=["default", "off", "all", "writes", "data", "advanced", "advanced-writes", "of-an-organization"],
)
def test_a_trail_counts_if_it_is_on_and_logs_reads_and_writes(
    monkeypatch: pytest.MonkeyPatch, logging: bool, answer: Any, complete: bool
) -> None:
    arn = f"arn:aws:cloudtrail:{REGION}:{TOOLING}:trail/organization"
    client = boto3.client("cloudtrail", region_name=REGION)
    stubber = Stubber(client)
    trail = {"TrailARN": arn, "HasCustomEventSelectors": answer is not None}
    stubber.add_response("describe_trails", {"trailList": [trail]}, {})
    stubber.add_response("get_trail_status", {"IsLogging": logging}, {"Name": arn})
    if isinstance(answer, str):
        stubber.add_client_error("get_event_selectors", answer)
    elif answer:
        stubber.add_response("get_event_selectors", answer, {"TrailName": arn})
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    with stubber:
        assert unwatched([REGION]) == ([] if complete else [REGION])


def test_a_region_without_a_trail_is_unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("cloudtrail", region_name=REGION)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        stubber.add_response("describe_trails", {"trailList": []})
        assert unwatched([REGION]) == [REGION]
