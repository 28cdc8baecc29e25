"""Environment parity: the environments are one architecture and differ only in the specified values."""

import json
import re
from typing import Any

import pytest

from pipeline.settings import Delivery
from stages.environment import Environment
from tests.alarms import alarms, runbook
from tests.templates import Assembly

STACKS = ("DisasterRecovery", "Payment")

# Properties that data protection sets: what happens to data on deletion, and which role may delete it.
PROTECTION_KEYS = {
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "DeletionProtectionEnabled",
    "PendingWindowInDays",
    "DefaultRetention",
    "DeletionProtection",
    "BackupRetentionPeriod",
    "LockConfiguration",
    "AccessPolicy",  # of a backup vault
}
EMPTYING = "Custom::EmptyOnDestroy"


# Properties with specified values besides data protection.
ROWS = {"MinCapacity", "MaxCapacity", "BakeTimeInMinutes", "CanaryConfiguration"}

# Dev replaces its tasks one after the other, without shifting requests: decision 0012.
STEPS = {"DeploymentConfiguration", "AdvancedConfiguration"}
DELETION = "deletion_protection.enabled"

# Runbooks of alarms whose threshold is a value of the environment or follows from its instance class; every other
# threshold is the same in all environments. test_monitoring.py and test_service_monitoring.py check these values.
LEVELS_OF_THE_RECORD = {
    "burn-rate",
    "burn-rate-gradual",
    "database-connections",
    "database-free-memory",
    "database-local-storage",
    "deployment",
    "gate",
    "service-cpu",
    "service-error-rate",
    "service-healthy-hosts",
    "service-memory",
    "service-response-time",
}


def neutral(template: dict[str, Any], environment: Environment) -> dict[str, Any]:
    """The template's resources with placeholders for the environment's name, account, networks and thresholds."""
    text = json.dumps(template["Resources"])
    # The manifest contains the environment's settings; test_environment.py checks them.
    text = re.sub(r'\\"configuration\\":\{.*?\},\\"ap-southeast-1\\"', '\\"ap-southeast-1\\"', text)
    # A dashboard draws the thresholds of its alarms.
    text = re.sub(r'\\"horizontal\\":\[\{\\"value\\":[0-9.]+,\\"label\\":\\".*?\\"', "LEVEL", text)
    for value, placeholder in (
        (environment.alarm_email, "MAILBOX"),
        (environment.account, "ACCOUNT"),
        (environment.database_instance_class, "db.CLASS"),
        (environment.vpc_cidr.rsplit(".", 2)[0] + ".", "NETWORK."),
    ):
        text = text.replace(value, placeholder)
    # Not within a word such as Production.
    text = re.sub(rf"{environment.name}(?![a-z])", "Name", text)
    # The bucket of ECR's layers is AWS's prod-REGION-starport-layer-bucket, in every environment.
    text = re.sub(rf"(?<![a-z]){environment.slug}(?![a-z]|-[a-z0-9-]+-starport)", "name", text)
    # Logical ids of a whole path, such as those of security group rules, end with a hash of the names in the path.
    text = re.sub(r"\w*PipelineStackName\w+", lambda found: re.sub("[0-9A-F]{8,}$", "", found[0]), text)
    # The peerings are a chain, so its ends lack a neighbour; test_peering.py checks every link.
    resources = {name: resource for name, resource in json.loads(text).items() if not name.startswith("Peering")}
    for name, resource in resources.items():
        if name.startswith("Delivery"):
            # These roles trust the tooling account, which may be the account of one environment.
            resource["Properties"].pop("AssumeRolePolicyDocument", None)
        if resource["Type"] == "AWS::Budgets::Budget":
            # Each budget has its own amount, and a name that follows from the email address: test_budget.py.
            budget = resource["Properties"]["Budget"]
            budget["BudgetLimit"]["Amount"], budget["BudgetName"] = "AMOUNT", budget["BudgetName"].rpartition("-")[0]
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            # The hash of the environment's name.
            resource["Properties"]["ContainerDefinitions"][0]["DockerLabels"].pop("configuration.ENVIRONMENT")
        waits_for = [other for other in resource.pop("DependsOn", []) if resources[other]["Type"] != EMPTYING]
        if waits_for:
            resource["DependsOn"] = waits_for
    for alarm in alarms({"Resources": resources}).values():
        if runbook(alarm) == "deployment-late":
            # As many minutes as the steps of a deployment take, and some more.
            alarm["DatapointsToAlarm"] = alarm["EvaluationPeriods"] = "MINUTES"
        if runbook(alarm) in LEVELS_OF_THE_RECORD:
            alarm["Threshold"] = "LEVEL"
            for query in alarm.get("Metrics", []):
                if "Expression" in query:
                    query["Expression"] = re.sub(r"([<>]=?) [0-9.]+", r"\1 LEVEL", query["Expression"])
    return resources


def without(value: Any, keys: set[str]) -> Any:
    """A part of a template without some properties, and without what controls the deletion of data."""
    if isinstance(value, dict):
        return {key: without(inner, keys) for key, inner in value.items() if key not in keys}
    if isinstance(value, list):
        return [without(inner, keys) for inner in value if not decided(inner)]
    return value


def unprotected(resources: dict[str, Any]) -> dict[str, Any]:
    """The resources without the properties that data protection and specified values set."""
    return dict(without(resources, PROTECTION_KEYS | ROWS | {"EmptyOnDestroy"}))


def decided(value: Any) -> bool:
    """Whether an attribute, a tag or a policy statement controls the deletion of data."""
    if not isinstance(value, dict):
        return False
    clears_vaults = "backup:ListRecoveryPointsByBackupVault" in value.get("Action", [])
    return value.get("Key") == DELETION or "EmptyOnDestroy" in (value.get("Key"), value.get("Sid")) or clears_vaults


@pytest.mark.parametrize("stack", STACKS)
def test_dev_and_staging_differ_only_in_name_account_addresses_and_steps(
    assembly: Assembly, delivery: Delivery, stack: str
) -> None:
    dev, staging = (
        without(neutral(assembly.template(f"{environment.name}-{stack}"), environment), STEPS)
        for environment in delivery.environments
        if not environment.retains_data
    )
    different = [name for name in dev.keys() | staging.keys() if dev.get(name) != staging.get(name)]
    assert different == [], "make these resources the same in every environment, or add a specified value (ROWS)"


def test_staging_and_prod_differ_only_in_specified_values(assembly: Assembly, delivery: Delivery) -> None:
    *_, staging, prod = delivery.environments
    prod_resources = unprotected(neutral(assembly.template(f"{prod.name}-Payment"), prod))
    staging_resources = unprotected(neutral(assembly.template(f"{staging.name}-Payment"), staging))
    emptying = {name for name, resource in staging_resources.items() if resource["Type"] == EMPTYING}
    assert prod_resources == {name: one for name, one in staging_resources.items() if name not in emptying}


def test_dr_stacks_of_staging_and_prod_differ_only_in_data_protection(assembly: Assembly, delivery: Delivery) -> None:
    *_, staging, prod = delivery.environments
    prod_resources = unprotected(neutral(assembly.template(f"{prod.name}-DisasterRecovery"), prod))
    staging_resources = unprotected(neutral(assembly.template(f"{staging.name}-DisasterRecovery"), staging))
    different = [
        name
        for name in prod_resources.keys() | staging_resources.keys()
        if prod_resources.get(name) != staging_resources.get(name)
    ]
    assert different == [], "make these resources of the DR stacks the same, or add their property to PROTECTION_KEYS"
