"""Alarm coverage: every resource has its required alarms, and every alarm notifies and links a runbook."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from stages.environment import Environment
from tests.alarms import (
    COMPOSITE,
    METRICS,
    SPECIAL,
    SUMMARIES,
    alarms,
    required_alarms,
    runbook,
    templates_by_region,
    uncovered,
)
from tests.templates import Assembly, Template, references


@pytest.fixture
def templates(assembly: Assembly, environment: Environment) -> dict[str, Template]:
    return templates_by_region(assembly, environment.name)


def every_alarm(templates: dict[str, Template]) -> Iterator[tuple[Template, str, dict[str, Any]]]:
    for template in templates.values():
        for logical_id, alarm in alarms(template).items():
            yield template, logical_id, alarm


def test_every_resource_has_its_alarms(templates: dict[str, Template]) -> None:
    assert len(list(required_alarms(templates))) >= 25
    missing = uncovered(templates)
    assert not missing, "\n".join(missing)


def test_removing_any_alarm_fails_the_coverage_check(templates: dict[str, Template]) -> None:
    for region, template in templates.items():
        for logical_id, alarm in alarms(template).items():
            if runbook(alarm) in SUMMARIES | {"health"}:
                continue
            remaining = copy.copy(template["Resources"])
            del remaining[logical_id]
            assert uncovered(templates | {region: {"Resources": remaining}}), (
                f"{alarm['AlarmName']} is not required: add its metric to METRICS or SPECIAL in tests/alarms.py"
            )


def test_every_alarm_sets_treat_missing_data(templates: dict[str, Template]) -> None:
    for template, logical_id, alarm in every_alarm(templates):
        if template["Resources"][logical_id]["Type"] != COMPOSITE:
            assert alarm.get("TreatMissingData") in ("breaching", "notBreaching", "ignore", "missing"), (
                f"{logical_id}: set treat_missing_data where the alarm is made, in payment_constructs/monitoring"
            )


def test_every_alarm_notifies_its_topic_on_alarm_and_on_recovery(templates: dict[str, Template]) -> None:
    for template, logical_id, alarm in every_alarm(templates):
        # The composite alarm notifies for its parts; a part itself notifies only if it cannot be computed.
        notifying = (alarm.get("AlarmActions"), alarm.get("OKActions"))
        remedy = f"{logical_id}: make the alarm with payment_constructs/monitoring/alarm.py, which adds the actions"
        if logical_id in parts_of_composites(template) and notifying == (None, None):
            assert is_a_topic(template, alarm["InsufficientDataActions"]), remedy
        else:
            assert all(is_a_topic(template, actions) for actions in notifying), remedy
        assert alarm.get("ActionsEnabled", True), remedy


def is_a_topic(template: Template, actions: list[Any] | None) -> bool:
    targets = [template["Resources"][target]["Type"] for target in references(actions)]
    return set(targets) == {"AWS::SNS::Topic"}


def parts_of_composites(template: Template) -> set[str]:
    return {
        part
        for alarm in alarms(template).values()
        if str(runbook(alarm)).startswith("burn-rate")
        for part in references(alarm.get("AlarmRule"))
    }


def test_every_alarm_description_links_its_runbook(templates: dict[str, Template]) -> None:
    for _, logical_id, alarm in every_alarm(templates):
        assert runbook(alarm), f"{logical_id}: end the description with its runbook: {alarm.get('AlarmDescription')}"
        words = alarm["AlarmDescription"].split("Runbook:")[0].split()
        assert len(words) >= 4, f"{logical_id}: describe the problem in a sentence, not {' '.join(words)!r}"


def test_every_alarm_name_is_unique_and_ends_with_its_environment(
    templates: dict[str, Template], environment: Environment
) -> None:
    for template in templates.values():
        names = [alarm["AlarmName"] for alarm in alarms(template).values()]
        assert len(names) == len(set(names))
        for name in names:
            assert re.fullmatch(rf"payment-.+-{environment.slug}", name), f"name {name} with stages/names.py"


def test_every_alarm_topic_has_the_email_subscription_of_its_environment(
    templates: dict[str, Template], environment: Environment
) -> None:
    for template in templates.values():
        (subscription,) = (
            resource["Properties"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::SNS::Subscription" and resource["Properties"]["Protocol"] == "email"
        )
        assert subscription["Endpoint"] == environment.alarm_email


REGION = "ap-southeast-1"
DR_REGION = "us-west-2"
UNMONITORED: dict[str, dict[str, Any]] = {
    "AWS::ElasticLoadBalancingV2::Listener": {"Certificates": [{"CertificateArn": "arn"}]},
    "AWS::SQS::Queue": {"RedrivePolicy": {}},
    "AWS::Lambda::Function": {"FunctionName": "payment-database-access-dev"},
    "AWS::SecretsManager::RotationSchedule": {"RotationLambdaARN": {"Fn::GetAtt": ["Function", "Arn"]}},
    "AWS::DynamoDB::GlobalTable": {"TableName": "t", "Replicas": [{"Region": REGION}, {"Region": DR_REGION}]},
    "AWS::S3::Bucket": {
        "ReplicationConfiguration": {
            "Rules": [{"Id": "DisasterRecovery", "Destination": {"Bucket": f"arn:aws:s3:::audit-{DR_REGION}"}}]
        }
    },
}


@pytest.mark.parametrize("kind", [*METRICS, *SPECIAL])
def test_the_coverage_check_names_an_uncovered_resource(kind: str) -> None:
    resource = {"Type": kind, "Properties": UNMONITORED.get(kind, {})}
    missing = uncovered({REGION: {"Resources": {"Forgotten": resource}}, DR_REGION: {"Resources": {}}})
    assert missing
    for sentence in missing:
        assert sentence.startswith(f"{REGION}/Forgotten ({kind}): no alarm on ")
        assert "add one in payment_constructs/monitoring" in sentence


def alarm_on(metric: str, value: object, *, anchor: str = "processing-depth") -> dict[str, Any]:
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
        (alarm_on("ApproximateNumberOfMessagesVisible", {"Fn::GetAtt": ["Queue", "QueueName"]}), True),
        (alarm_on("ApproximateNumberOfMessagesVisible", "by-name"), True),
        (alarm_on("ApproximateNumberOfMessagesVisible", {"Fn::GetAtt": ["Other", "QueueName"]}), False),
        (alarm_on("NumberOfMessagesSent", {"Fn::GetAtt": ["Queue", "QueueName"]}), False),
        # The gate watches every metric and does not count as the alarm of one resource.
        (alarm_on("ApproximateNumberOfMessagesVisible", "by-name", anchor="gate"), False),
    ],
)
def test_only_an_alarm_on_the_resource_and_the_metric_covers_it(alarm: dict[str, Any], covered: bool) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "by-name"}}
    assert (uncovered({REGION: {"Resources": {"Queue": queue, "Alarm": alarm}}}) == []) is covered


def test_a_vault_that_receives_backups_needs_an_alarm_on_completed_jobs() -> None:
    copy_to = {"DestinationBackupVaultArn": f"arn:aws:backup:{DR_REGION}:111111111111:backup-vault:copies"}
    plan = {"BackupPlan": {"BackupPlanRule": [{"TargetBackupVault": {"Ref": "Vault"}, "CopyActions": [copy_to]}]}}
    resources = {
        "Vault": {"Type": "AWS::Backup::BackupVault", "Properties": {}},
        "Plan": {"Type": "AWS::Backup::BackupPlan", "Properties": plan},
    }
    assert {
        sentence.split("alarm on ")[1].split()[0] for sentence in uncovered({REGION: {"Resources": resources}})
    } == {
        "NumberOfBackupJobsAborted",
        "NumberOfBackupJobsCompleted",
        "NumberOfBackupJobsExpired",
        "NumberOfBackupJobsFailed",
        "NumberOfCopyJobsCompleted",
        "NumberOfCopyJobsFailed",
    }
