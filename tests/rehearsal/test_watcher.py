"""The watcher notifies of a commit that removes an approval, whatever that commit says about its gates."""

import copy
import json
from typing import Any

import pytest

from cdk_rehearsal import Emulator
from pipeline.bootstrap import watcher
from pipeline.duties import WATCHER
from pipeline.settings import Delivery
from stacks import PRIMARY, deploy
from tests.policy.authority import ResolvedTemplate
from tests.templates import Assembly

STACK = "PipelineStack"


@pytest.fixture(scope="module")
def pipeline(assembly: Assembly, delivery: Delivery) -> dict[str, Any]:
    """The pipeline of the synthesized stack."""
    template = ResolvedTemplate(assembly.template(STACK), stack=STACK, account=delivery.account, region=PRIMARY)
    ((_, properties),) = template.of_type("AWS::CodePipeline::Pipeline")
    return properties


@pytest.fixture(scope="module")
def mailbox(emulator: Emulator, delivery: Delivery) -> str:
    """A queue that receives what the mailbox of the watcher does."""
    deploy(emulator, WATCHER, watcher.resources(delivery), account=delivery.account)
    sqs, sns = (emulator.client(name, account=delivery.account, region=PRIMARY) for name in ("sqs", "sns"))
    url: str = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    topic = f"arn:aws:sns:{PRIMARY}:{delivery.account}:{WATCHER}"
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", delivery.notifications.email)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])
    return url


def deliver(emulator: Emulator, delivery: Delivery, pipeline: dict[str, Any]) -> dict[str, Any]:
    """Update the pipeline as its self-mutation does; returns the event that EventBridge receives of that."""
    pipeline = {**pipeline, "RestartExecutionOnUpdate": False}
    resources = {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline}}
    deploy(emulator, STACK, resources, account=delivery.account)
    return updated(delivery, name=pipeline["Name"])


def updated(delivery: Delivery, *, name: str) -> dict[str, Any]:
    """The event that EventBridge receives of an update by CloudFormation."""
    issuer = f"cdk-hnb659fds-cfn-exec-role-{delivery.account}-{PRIMARY}"
    return {
        "id": "1",
        "source": "aws.codepipeline",
        "detail-type": "AWS API Call via CloudTrail",
        "account": delivery.account,
        "region": PRIMARY,
        "time": "2026-11-27T03:00:00Z",
        "resources": [],
        "detail": {
            "eventSource": "codepipeline.amazonaws.com",
            "eventName": "UpdatePipeline",
            "userIdentity": {
                "type": "AssumedRole",
                "arn": f"arn:aws:sts::{delivery.account}:assumed-role/{issuer}/AWSCloudFormation",
                "sessionContext": {"sessionIssuer": {"userName": issuer}},
            },
            "requestParameters": {"pipeline": {"name": name}},
        },
    }


def notify(emulator: Emulator, delivery: Delivery, event: dict[str, Any]) -> None:
    """Send the event to the targets of the rules that match it, which the emulator does with its own events only."""
    events, lambda_ = (emulator.client(name, account=delivery.account, region=PRIMARY) for name in ("events", "lambda"))
    matching = [
        rule["Name"]
        for rule in events.list_rules(NamePrefix=WATCHER)["Rules"]
        if events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]
    ]
    assert matching == [f"{WATCHER}-pipelines"]
    (target,) = events.list_targets_by_rule(Rule=matching[0])["Targets"]
    answer = lambda_.invoke(FunctionName=target["Arn"], Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


def received(emulator: Emulator, delivery: Delivery, mailbox: str) -> tuple[str, str]:
    """The subject and the text of the next message."""
    sqs = emulator.client("sqs", account=delivery.account, region=PRIMARY)
    (message,) = sqs.receive_message(QueueUrl=mailbox, WaitTimeSeconds=10)["Messages"]
    sqs.delete_message(QueueUrl=mailbox, ReceiptHandle=message["ReceiptHandle"])
    body = json.loads(message["Body"])
    return body["Subject"], body["Message"]


def without_an_approval(pipeline: dict[str, Any]) -> dict[str, Any]:
    """The pipeline of a template that a hook of a construct module has edited, after every rule has read it."""
    hooked = copy.deepcopy(pipeline)
    for stage in hooked["Stages"]:
        stage["Actions"] = [each for each in stage["Actions"] if each["Name"] != "ApproveProd"]
    return hooked


def test_a_commit_that_removes_an_approval_by_a_hook_is_notified(
    emulator: Emulator, delivery: Delivery, mailbox: str, pipeline: dict[str, Any]
) -> None:
    notify(emulator, delivery, deliver(emulator, delivery, pipeline))
    subject, text = received(emulator, delivery, mailbox)
    assert subject == "payment-delivery has the approvals: ConfirmStaging, ApproveProd"
    assert "beforeEntry: DeploymentWindow" in text

    notify(emulator, delivery, deliver(emulator, delivery, without_an_approval(pipeline)))
    subject, text = received(emulator, delivery, mailbox)
    assert subject == "payment-delivery has the approvals: ConfirmStaging"
    assert "ApproveProd (" not in text
    assert "Deployed after ConfirmStaging: Staging-DisasterRecovery" in text
    assert "Prod-Payment" in text.splitlines()[1]
    assert "AWSCloudFormation called UpdatePipeline" in text


def test_a_deleted_pipeline_is_notified_as_one_that_cannot_be_read(
    emulator: Emulator, delivery: Delivery, mailbox: str
) -> None:
    event = updated(delivery, name="deleted")
    event["detail"]["eventName"] = "DeletePipeline"
    notify(emulator, delivery, event)
    subject, text = received(emulator, delivery, mailbox)
    assert subject == "deleted: the gates could not be read"
    assert "PipelineNotFoundException" in text
