"""The notifications of the pipeline, and the IAM policies of approvers and operators."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Delivery, load_delivery
from tests.synthesized import synthesize_small
from tests.templates import Assembly, references

STACK = "PipelineStack"


def rules(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """The event rules by their detail type; of each, that which notifies."""
    found = assembly.resources(STACK, "AWS::Events::Rule").values()
    typed = [rule for rule in found if "detail-type" in rule["EventPattern"]]
    return {rule["EventPattern"]["detail-type"][0]: rule for rule in sorted(typed, key=notifies)}


def notifies(rule: dict[str, Any]) -> bool:
    return any(":sns:" in json.dumps(target["Arn"]) for target in rule["Targets"])


def topic(assembly: Assembly) -> str:
    """The ARN of the topic of all notifications."""
    name = assembly.only(STACK, "AWS::SNS::Topic")["TopicName"]
    return f"arn:aws:sns:ap-southeast-1:{assembly.stacks[STACK].environment.account}:{name}"


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("Release ended", {}),
        (
            "CodePipeline Action Execution State Change",
            {"type": {"category": ["Approval"]}, "state": ["STARTED"]},
        ),
    ],
)
def test_ended_releases_and_pending_approvals_notify(assembly: Assembly, kind: str, detail: dict[str, Any]) -> None:
    rule = rules(assembly)[kind]
    assert rule["EventPattern"]["detail"] == {"pipeline": ["payment-delivery"], **detail}
    (target,) = rule["Targets"]
    assert target["Arn"] == topic(assembly)
    assert "https://ap-southeast-1.console.aws.amazon.com" in json.dumps(target["InputTransformer"])


def test_every_end_of_an_execution_is_published_with_its_release(assembly: Assembly) -> None:
    naming, _ = (
        rule
        for rule in assembly.resources(STACK, "AWS::Events::Rule").values()
        if rule["EventPattern"]["detail-type"] == ["CodePipeline Pipeline Execution State Change"]
    )
    states = {"SUCCEEDED", "FAILED", "CANCELED", "STOPPED", "SUPERSEDED"}
    assert set(naming["EventPattern"]["detail"]["state"]) == states
    (target,) = naming["Targets"]
    function = target["Arn"]["Fn::GetAtt"][0]
    assert '"Release ended"' in assembly.resources(STACK, "AWS::Lambda::Function")[function]["Code"]["ZipFile"]
    assert rules(assembly)["Release ended"]["EventPattern"]["source"] == ["payment.delivery"]
    text = json.dumps(rules(assembly)["Release ended"]["Targets"])
    assert "<detail-release>" in text
    assert "<detail-state>" in text


def test_eventbridge_may_publish_to_the_topic_of_the_configured_email(assembly: Assembly, delivery: Delivery) -> None:
    (subscription,) = assembly.resources(STACK, "AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == delivery.notifications.email
    keys = (key for name, key in assembly.resources(STACK, "AWS::KMS::Key").items() if name.startswith("Topic"))
    policies = [key["KeyPolicy"] for key in keys]
    policies += [policy["PolicyDocument"] for policy in assembly.resources(STACK, "AWS::SNS::TopicPolicy").values()]
    of_key, *of_topic = (
        one["Condition"]
        for policy in policies
        for one in policy["Statement"]
        if one["Principal"] == {"Service": "events.amazonaws.com"}
    )
    # A condition on the account would deny it: AlarmTopic.allow_rule.
    assert of_key == {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic(assembly)}}
    rules = assembly.resources(STACK, "AWS::Events::Rule")
    notifying = {name for name, rule in rules.items() if topic(assembly) in [each["Arn"] for each in rule["Targets"]]}
    assert {next(references(one["ArnEquals"]["aws:SourceArn"])) for one in of_topic} == notifying


def test_a_chat_topic_receives_every_notification(context: dict[str, Any], delivery: Delivery, tmp_path: Path) -> None:
    chat = f"arn:aws:sns:ap-southeast-1:{delivery.account}:payments-chat"
    notifications = context["delivery"]["notifications"] | {"chat_topic_arn": chat}
    chatting = load_delivery(context["delivery"] | {"notifications": notifications}, release="unreleased")
    assembly = synthesize_small(tmp_path, context=context, delivery=chatting)
    notifying = [rule for rule in rules(assembly).values() if notifies(rule)]
    assert len(notifying) == 3
    for rule in notifying:
        (target,) = (target for target in rule["Targets"] if target["Arn"] == chat)
        message = target.get("Input") or target["InputTransformer"]["InputTemplate"]
        assert message.startswith('{"version":"1.0","source":"custom","content":{"textType"'), message


def test_calls_that_bypass_a_gate_notify_and_raise_an_alarm(assembly: Assembly, delivery: Delivery) -> None:
    rule = rules(assembly)["AWS API Call via CloudTrail"]
    *overriding, started = rule["EventPattern"]["detail"]["$or"]
    deployer = f"arn:aws:iam::{delivery.account}:role/cdk-hnb659fds-cfn-exec-role-{delivery.account}-ap-southeast-1"
    issuers = [each["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] for each in overriding]
    assert issuers == [[{"anything-but": [deployer]}], [{"exists": False}]]
    calls = {"OverrideStageCondition", "RetryStageExecution", "RollbackStage", "UpdatePipeline", "DeletePipeline"}
    assert all(calls <= set(each["eventName"]) for each in overriding)
    assert started["eventName"] == ["StartPipelineExecution"]
    assert "sourceRevisions" in started["requestParameters"]
    (alarm,) = (
        alarm
        for alarm in assembly.resources(STACK, "AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/Events"
    )
    assert alarm["MetricName"] == "MatchedEvents"
    assert alarm["AlarmActions"]


def policy(assembly: Assembly, name: str) -> list[dict[str, Any]]:
    (found,) = (
        each
        for each in assembly.resources(STACK, "AWS::IAM::ManagedPolicy").values()
        if each.get("ManagedPolicyName") == name
    )
    assert not {"Users", "Groups", "Roles"} & set(found)
    return list(found["PolicyDocument"]["Statement"])


def test_the_approver_policy_only_allows_approving_and_reading_plans(assembly: Assembly) -> None:
    every = policy(assembly, "payment-delivery-approver")
    statement, page, key = (each for each in every if each["Effect"] == "Allow")
    assert (page["Effect"], page["Action"]) == ("Allow", "s3:GetObject")
    assert json.dumps(page["Resource"]).count("/plans/*") == 1
    assert (key["Effect"], key["Action"]) == ("Allow", "kms:Decrypt")
    (bucket,) = page["Resource"]["Fn::Join"][1][0]["Fn::GetAtt"][:1]
    encryption = json.dumps(assembly.resources(STACK, "AWS::S3::Bucket")[bucket]["BucketEncryption"])
    assert key["Resource"]["Fn::GetAtt"][0] in encryption
    assert (statement["Effect"], statement["Action"]) == ("Allow", "codepipeline:PutApprovalResult")
    resources = json.dumps(statement["Resource"])
    approvals = [
        f":payment-delivery/{stage['Name']}/{action['Name']}"
        for stage in assembly.pipeline_stages()
        for action in stage["Actions"]
        if action["ActionTypeId"]["Category"] == "Approval"
    ]
    assert len(approvals) == 2
    assert len(statement["Resource"]) == len(approvals)
    assert all(approval in resources for approval in approvals)


def test_the_prod_stage_feeds_the_delivery_metrics(assembly: Assembly, delivery: Delivery) -> None:
    detail = rules(assembly)["CodePipeline Stage Execution State Change"]["EventPattern"]["detail"]
    assert detail["stage"] == [delivery.environments[-1].name]
    _, unfinished = (
        rule
        for rule in assembly.resources(STACK, "AWS::Events::Rule").values()
        if rule["EventPattern"]["detail-type"] == ["CodePipeline Pipeline Execution State Change"]
    )
    assert unfinished["EventPattern"]["detail"]["state"] == ["CANCELED", "STOPPED", "SUPERSEDED"]
    (target,) = unfinished["Targets"]
    assert f'"stage":"{delivery.environments[-1].name}"' in target["InputTransformer"]["InputTemplate"]
    dashboards = json.dumps(assembly.resources(STACK, "AWS::CloudWatch::Dashboard"))
    for figure in ("Deployment frequency", "Lead time", "Change failure rate", "recovery time"):
        assert figure in dashboards
