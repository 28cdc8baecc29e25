"""The stage conditions of the synthesized pipeline: deployment window, gate alarm, rollback and retry."""

import json
from typing import Any

import pytest

from payment_constructs.monitoring.gate import GATE_ALARMS
from pipeline.settings import Delivery
from tests.templates import Assembly

KINDS = ("BeforeEntry", "OnSuccess", "OnFailure")


def stage(assembly: Assembly, name: str) -> dict[str, Any]:
    (found,) = (stage for stage in assembly.pipeline_stages() if stage["Name"] == name)
    return {kind: found[kind] for kind in KINDS if kind in found}


def rules(conditions: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    return [
        (condition["Result"], rule["RuleTypeId"]["Provider"], rule["Configuration"])
        for condition in conditions.get("Conditions", [])
        for rule in condition["Rules"]
    ]


def test_dev_retries_all_actions_on_failure(assembly: Assembly) -> None:
    assert stage(assembly, "Dev") == {
        "OnFailure": {"Result": "RETRY", "RetryConfiguration": {"RetryMode": "ALL_ACTIONS"}}
    }


def test_staging_rolls_back_on_its_gate_alarm(assembly: Assembly) -> None:
    conditions = stage(assembly, "Staging")
    assert rules(conditions["OnSuccess"]) == [
        ("ROLLBACK", "CloudWatchAlarm", {"AlarmName": f"payment-{gate}-staging", "WaitTime": "30"})
        for gate in GATE_ALARMS
    ]
    assert conditions["OnFailure"] == {"Result": "ROLLBACK"}
    assert "BeforeEntry" not in conditions


def test_prod_has_a_deployment_window_and_rolls_back_on_its_gate_alarm(
    assembly: Assembly,
) -> None:
    conditions = stage(assembly, "Prod")
    window = {"Cron": "* * 9-16 ? * MON-THU *", "TimeZone": "Asia/Singapore"}
    assert rules(conditions["BeforeEntry"]) == [("FAIL", "DeploymentWindow", window)]
    assert rules(conditions["OnSuccess"]) == [
        ("ROLLBACK", "CloudWatchAlarm", {"AlarmName": f"payment-{gate}-prod", "WaitTime": "60"}) for gate in GATE_ALARMS
    ]
    assert conditions["OnFailure"] == {"Result": "ROLLBACK"}


def test_every_on_success_condition_rolls_back(assembly: Assembly) -> None:
    checked = [found for each in assembly.pipeline_stages() if (found := each.get("OnSuccess"))]
    assert len(checked) == 2
    assert {condition["Result"] for found in checked for condition in found["Conditions"]} == {"ROLLBACK"}


@pytest.mark.parametrize("name", ["Staging", "Prod"])
def test_the_pipeline_reads_each_gate_alarm_through_the_gate_reader_role(
    assembly: Assembly, delivery: Delivery, name: str
) -> None:
    (environment,) = (each for each in delivery.environments if each.name == name)
    (condition,) = stage(assembly, name)["OnSuccess"]["Conditions"]
    reader = f"arn:aws:iam::{environment.account}:role/payment-gate-reader-{environment.slug}"
    gates = condition["Rules"]
    assert {(rule["Region"], rule["RoleArn"]) for rule in gates} == {(environment.primary_region, reader)}
    # CodePipeline accepts five rules in a condition, and a rule is known by its name.
    assert len({rule["Name"] for rule in gates}) == len(gates) <= 5
    assert reader in json.dumps(assembly.resources("PipelineStack", "AWS::IAM::Policy"))
    alarms = assembly.resources(f"{name}-Payment", "AWS::CloudWatch::Alarm").values()
    assert {rule["Configuration"]["AlarmName"] for rule in gates} <= {alarm["AlarmName"] for alarm in alarms}


def test_no_condition_combines_an_alarm_and_a_deployment_window(assembly: Assembly) -> None:
    for each in assembly.pipeline_stages():
        for kind in KINDS:
            providers = {provider for _, provider, _ in rules(each.get(kind, {}))}
            assert not {"CloudWatchAlarm", "DeploymentWindow"} <= providers
