"""Backups: daily, kept for 35 days in both regions, and locked in prod against deletion by its administrators."""

from typing import Any

import pytest

from payment_constructs.keys import DESTRUCTION
from stages.environment import Environment
from tests.alarms import alarms
from tests.templates import Assembly, references

SIDES = ("Payment", "DisasterRecovery")


def vault(assembly: Assembly, environment: Environment, side: str) -> dict[str, Any]:
    return assembly.only(f"{environment.name}-{side}", "AWS::Backup::BackupVault")


def rule(assembly: Assembly, environment: Environment) -> dict[str, Any]:
    plan = assembly.only(f"{environment.name}-Payment", "AWS::Backup::BackupPlan")["BackupPlan"]
    (only,) = plan["BackupPlanRule"]
    return dict(only)


def test_the_backup_plan_selects_the_database_and_the_session_table(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    selection = assembly.only(stack, "AWS::Backup::BackupSelection")
    assert references(selection["BackupPlanId"])
    assert {
        assembly.template(stack)["Resources"][logical_id]["Type"]
        for resource in selection["BackupSelection"]["Resources"]
        for logical_id in references(resource)
    } == {"AWS::RDS::DBCluster", "AWS::DynamoDB::GlobalTable"}


def test_the_backup_plan_runs_daily_and_keeps_backups_for_35_days(assembly: Assembly, environment: Environment) -> None:
    daily = rule(assembly, environment)
    assert daily["ScheduleExpression"] == "cron(0 18 * * ? *)"
    assert daily["Lifecycle"] == {"DeleteAfterDays": 35}
    target = next(references(daily["TargetBackupVault"]))
    assert target in assembly.resources(f"{environment.name}-Payment", "AWS::Backup::BackupVault")


def test_the_backup_plan_copies_each_backup_to_the_dr_vault(assembly: Assembly, environment: Environment) -> None:
    (copy,) = rule(assembly, environment)["CopyActions"]
    name = vault(assembly, environment, "DisasterRecovery")["BackupVaultName"]
    arn = f"arn:aws:backup:us-west-2:{environment.account}:backup-vault:{name}"
    assert copy["DestinationBackupVaultArn"] == arn
    assert copy["Lifecycle"] == {"DeleteAfterDays": 35}


def test_the_alarms_on_copies_watch_the_dr_vault_by_name(assembly: Assembly, environment: Environment) -> None:
    destination = vault(assembly, environment, "DisasterRecovery")["BackupVaultName"]
    copies = ("NumberOfCopyJobsCompleted", "NumberOfCopyJobsFailed")
    vaults = [
        dimension["Value"]
        for alarm in alarms(assembly.template(f"{environment.name}-Payment")).values()
        for metric in (alarm, *(query.get("MetricStat", {}).get("Metric", {}) for query in alarm.get("Metrics", [])))
        if metric.get("MetricName") in copies
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "BackupVaultName"
    ]
    assert set(vaults) == {destination}


@pytest.mark.parametrize("side", SIDES)
def test_each_vault_has_its_own_kms_key(assembly: Assembly, environment: Environment, side: str) -> None:
    stack = f"{environment.name}-{side}"
    key = next(references(vault(assembly, environment, side)["EncryptionKeyArn"]))
    assert key in assembly.resources(stack, "AWS::KMS::Key")
    users = {
        name
        for name, resource in assembly.template(stack)["Resources"].items()
        if key in references(resource.get("Properties", {}))
    }
    assert len(users) == 1


@pytest.mark.parametrize("side", SIDES)
def test_only_break_glass_and_cloudformation_may_destroy_the_keys_of_data(
    assembly: Assembly, environment: Environment, side: str
) -> None:
    stack = f"{environment.name}-{side}"
    (audit,) = (
        bucket for bucket in assembly.resources(stack, "AWS::S3::Bucket").values() if "-audit-" in bucket["BucketName"]
    )
    region = assembly.stacks[stack].environment.region
    roles = (environment.break_glass_role, f"cdk-hnb659fds-cfn-exec-role-{environment.account}-{region}")
    databases = assembly.resources(stack, "AWS::RDS::DBCluster").values()  # whose key an Aurora backup keeps
    owners = [vault(assembly, environment, side)["EncryptionKeyArn"], audit["BucketEncryption"]]
    for owner in (*owners, *(database["KmsKeyId"] for database in databases)):
        key = assembly.resources(stack, "AWS::KMS::Key")[next(references(owner))]
        denials = [each for each in key["KeyPolicy"]["Statement"] if each["Effect"] == "Deny"]
        assert [(each["Principal"], each["Action"]) for each in denials] == [({"AWS": "*"}, list(DESTRUCTION))], (
            f"{stack}: call deny_destruction on this key"
        )
        arns = [f"arn:aws:iam::{environment.account}:role/{role}" for role in roles]
        assert denials[0]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": arns}}


@pytest.mark.parametrize("side", SIDES)
def test_a_call_that_destroys_a_key_notifies_also_when_it_was_refused(
    assembly: Assembly, environment: Environment, side: str
) -> None:
    stack = f"{environment.name}-{side}"
    (rule,) = (each for each in assembly.resources(stack, "AWS::Events::Rule").values() if "aws.kms" in str(each))
    cases = rule["EventPattern"]["detail"]["$or"]
    assert cases[0] == {"eventName": ["DisableKey", "ScheduleKeyDeletion"]}
    assert {each["eventName"][0] for each in cases[1:]} == {"PutKeyPolicy"}
    assert "errorCode" not in str(rule["EventPattern"])
    assert f":payment-alarms-{environment.slug}" in str(rule["Targets"][0]["Arn"])


@pytest.mark.parametrize("side", SIDES)
def test_only_prod_vaults_have_a_compliance_mode_lock(assembly: Assembly, environment: Environment, side: str) -> None:
    kept = vault(assembly, environment, side)
    if environment.retains_data:
        lock = kept["LockConfiguration"]
        # ChangeableForDays makes it a compliance-mode lock; without it, the lock can be removed.
        assert lock["ChangeableForDays"] >= 3
        assert lock["MinRetentionDays"] == rule(assembly, environment)["Lifecycle"]["DeleteAfterDays"]
        assert lock["MaxRetentionDays"] <= 400
        assert "AccessPolicy" not in kept
    else:
        assert "LockConfiguration" not in kept


def test_destroy_clears_vaults_after_the_plan_and_before_the_backup_role(
    assembly: Assembly, environment: Environment
) -> None:
    stack = f"{environment.name}-Payment"
    resources = assembly.template(stack)["Resources"]
    clearing = {
        name: resource
        for name, resource in resources.items()
        if resource["Type"] == "Custom::EmptyOnDestroy" and "VaultName" in resource["Properties"]
    }
    if environment.retains_data:
        assert clearing == {}
        return
    assert {one["Properties"]["Region"] for one in clearing.values()} == {"ap-southeast-1", "us-west-2"}
    (plan,) = (one for one in resources.values() if one["Type"] == "AWS::Backup::BackupPlan")
    assert set(clearing) == set(plan["DependsOn"])
    selection = assembly.only(stack, "AWS::Backup::BackupSelection")
    role = next(references(selection["BackupSelection"]["IamRoleArn"]))
    assert all(role in one["DependsOn"] for one in clearing.values())


@pytest.mark.parametrize("side", SIDES)
def test_only_housekeeping_may_delete_recovery_points_outside_prod(
    assembly: Assembly, environment: Environment, side: str
) -> None:
    if environment.retains_data:
        return
    (statement,) = vault(assembly, environment, side)["AccessPolicy"]["Statement"]
    principal = statement["Principal"]["AWS"]
    roles = assembly.resources(f"{environment.name}-DisasterRecovery", "AWS::IAM::Role")
    name = principal.split("/")[1] if isinstance(principal, str) else roles[next(references(principal))]["RoleName"]
    assert name == f"payment-housekeeping-{environment.slug}"
    assert statement["Action"] == "backup:DeleteRecoveryPoint"
