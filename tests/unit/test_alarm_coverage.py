"""Everything that can fail has its alarms, and each alarm is one that somebody can act on."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from stages.environment import Environment
from tests.alarms import COMPOSITE, METRICS, SPECIAL, SUMMARIES, alarms, demands, runbook, uncovered
from tests.templates import Assembly, Template, references


@pytest.fixture
def templates(assembly: Assembly, environment: Environment) -> dict[str, Template]:
    names = (f"{environment.name}-Payment", f"{environment.name}-DisasterRecovery")
    return {assembly.stacks[name].environment.region: assembly.template(name) for name in names}


def every_alarm(templates: dict[str, Template]) -> Iterator[tuple[Template, str, dict[str, Any]]]:
    for template in templates.values():
        for logical_id, alarm in alarms(template).items():
            yield template, logical_id, alarm


def test_every_resource_has_its_alarms(templates: dict[str, Template]) -> None:
    assert len(list(demands(templates))) >= 25
    assert uncovered(templates) == []


def test_removing_any_alarm_fails_the_coverage_check(templates: dict[str, Template]) -> None:
    for region, template in templates.items():
        for logical_id, alarm in alarms(template).items():
            if runbook(alarm) in SUMMARIES | {"health"}:
                continue
            without = copy.copy(template["Resources"])
            del without[logical_id]
            assert uncovered(templates | {region: {"Resources": without}}), f"{alarm['AlarmName']} is not demanded"


def test_every_alarm_sets_treat_missing_data(templates: dict[str, Template]) -> None:
    for template, logical_id, alarm in every_alarm(templates):
        if template["Resources"][logical_id]["Type"] != COMPOSITE:
            assert alarm.get("TreatMissingData") in ("breaching", "notBreaching", "ignore", "missing"), logical_id


def test_every_alarm_notifies_its_topic_on_alarm_and_on_recovery(templates: dict[str, Template]) -> None:
    for template, logical_id, alarm in every_alarm(templates):
        # A part of a composite alarm is told by that, and by itself only that it cannot be computed.
        told = (alarm.get("AlarmActions"), alarm.get("OKActions"))
        if logical_id in parts_of_composites(template) and told == (None, None):
            assert is_a_topic(template, alarm["InsufficientDataActions"]), logical_id
        else:
            assert all(is_a_topic(template, actions) for actions in told), logical_id
        assert alarm.get("ActionsEnabled", True), logical_id


def is_a_topic(template: Template, actions: list[Any] | None) -> bool:
    targets = [template["Resources"][target]["Type"] for target in references(actions)]
    return targets == ["AWS::SNS::Topic"]


def parts_of_composites(template: Template) -> set[str]:
    return {
        part
        for alarm in alarms(template).values()
        if runbook(alarm) == "burn-rate"
        for part in references(alarm.get("AlarmRule"))
    }


def test_every_alarm_description_links_its_runbook(templates: dict[str, Template]) -> None:
    for _, logical_id, alarm in every_alarm(templates):
        assert runbook(alarm), f"{logical_id}: {alarm.get('AlarmDescription')}"
        assert len(alarm["AlarmDescription"].split("Runbook:")[0].split()) >= 4, logical_id


def test_every_alarm_name_is_unique_and_ends_with_its_environment(
    templates: dict[str, Template], environment: Environment
) -> None:
    for template in templates.values():
        names = [alarm["AlarmName"] for alarm in alarms(template).values()]
        assert len(names) == len(set(names))
        for name in names:
            assert name.startswith("payment-"), name
            assert name.endswith(f"-{environment.slug}"), name


def test_every_alarm_topic_has_the_email_subscription_of_its_environment(
    templates: dict[str, Template], environment: Environment
) -> None:
    for template in templates.values():
        (mailbox,) = (
            resource["Properties"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::SNS::Subscription"
        )
        assert (mailbox["Protocol"], mailbox["Endpoint"]) == ("email", environment.alarm_email)


REGION = "ap-southeast-1"
ELSEWHERE = "us-west-2"
UNWATCHED: dict[str, dict[str, Any]] = {
    "AWS::SQS::Queue": {"RedrivePolicy": {}},
    "AWS::SecretsManager::RotationSchedule": {"RotationLambdaARN": {"Fn::GetAtt": ["Function", "Arn"]}},
    "AWS::DynamoDB::GlobalTable": {"TableName": "t", "Replicas": [{"Region": REGION}, {"Region": ELSEWHERE}]},
    "AWS::S3::Bucket": {
        "ReplicationConfiguration": {
            "Rules": [{"Id": "DisasterRecovery", "Destination": {"Bucket": f"arn:aws:s3:::audit-{ELSEWHERE}"}}]
        }
    },
}


@pytest.mark.parametrize("kind", [*METRICS, *SPECIAL])
def test_the_coverage_check_names_an_uncovered_resource(kind: str) -> None:
    resource = {"Type": kind, "Properties": UNWATCHED.get(kind, {})}
    missing = uncovered({REGION: {"Resources": {"Forgotten": resource}}, ELSEWHERE: {"Resources": {}}})
    assert missing
    for sentence in missing:
        assert sentence.startswith(f"{REGION}/Forgotten ({kind}): no alarm on ")


def watching(metric: str, value: object, *, anchor: str = "processing-depth") -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f"Runbook: docs/operations.md#{anchor}",
            "MetricName": metric,
            "Dimensions": [{"Name": "QueueName", "Value": value}],
        },
    }


@pytest.mark.parametrize(
    ("alarm", "covered"),
    [
        (watching("ApproximateNumberOfMessagesVisible", {"Fn::GetAtt": ["Queue", "QueueName"]}), True),
        (watching("ApproximateNumberOfMessagesVisible", "by-name"), True),
        (watching("ApproximateNumberOfMessagesVisible", {"Fn::GetAtt": ["Other", "QueueName"]}), False),
        (watching("NumberOfMessagesSent", {"Fn::GetAtt": ["Queue", "QueueName"]}), False),
        # The gate looks at everything and is the alarm of nothing.
        (watching("ApproximateNumberOfMessagesVisible", "by-name", anchor="gate"), False),
    ],
)
def test_only_an_alarm_on_the_resource_and_the_metric_covers_it(alarm: dict[str, Any], covered: bool) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "by-name"}}
    assert (uncovered({REGION: {"Resources": {"Queue": queue, "Alarm": alarm}}}) == []) is covered


def test_a_vault_that_receives_backups_needs_an_alarm_on_completed_jobs() -> None:
    plan = {"BackupPlan": {"BackupPlanRule": [{"TargetBackupVault": {"Ref": "Vault"}}]}}
    resources = {
        "Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {}},
        "Plan": {"Type": "AWS::Backup::BackupPlan", "Properties": plan},
    }
    assert {
        sentence.split("alarm on ")[1].split()[0] for sentence in uncovered({REGION: {"Resources": resources}})
    } == {
        "NumberOfBackupJobsCompleted",
        "NumberOfBackupJobsFailed",
        "NumberOfCopyJobsFailed",
    }
