"""The frugal variant, with every cost setting at its minimum: same policy packs, fewer resources."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from payment_constructs.network import SERVICE_ENDPOINTS
from pipeline.settings import Delivery
from stages.consistency import consistency_faults
from stages.variants import frugal
from tests.alarms import alarms, runbook
from tests.policy.test_templates import MOST_RESOURCES
from tests.synthesized import report_in
from tests.templates import Assembly

STACK = "Dev-Payment"


@pytest.fixture(scope="module")
def frugal_directory(context: dict[str, Any], delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a cloud assembly with only the frugal first environment."""
    directory = tmp_path_factory.mktemp("frugal")
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(directory))
    entry_point.synthesize_standalone(app, delivery, frugal(delivery.environments[0]))
    return directory


@pytest.fixture(scope="module")
def frugal_assembly(frugal_directory: Path) -> Assembly:
    """The templates of the frugal environment."""
    return Assembly(frugal_directory)


def comparable(assembly: Assembly) -> dict[str, Any]:
    """The resources without those of a peering, which an environment deployed alone does not have."""
    text = json.dumps(assembly.template(STACK)["Resources"])
    text = re.sub(r"PipelineStack/?Dev", "Dev", text)
    # Logical ids of security group rules end with a hash of the whole path.
    text = re.sub(r"\w+SecurityGroup(to|from)Dev\w+", lambda found: re.sub("[0-9A-F]{8,}$", "", found[0]), text)
    resources = {name: each for name, each in json.loads(text).items() if not name.startswith("Peering")}
    for resource in resources.values():
        resource.pop("Metadata", None)
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy":
            # The CDK also derives this name from the path.
            resource["Properties"].pop("PolicyName")
    return resources


def test_frugal_does_not_change_an_environment_that_retains_data(delivery: Delivery) -> None:
    *_, production = delivery.environments
    assert frugal(production) == production


def test_frugal_reduces_dev_further_than_staging(delivery: Delivery) -> None:
    dev, staging, _ = (frugal(environment) for environment in delivery.environments)
    assert [(one.nat_gateways, one.endpoint_zones, one.spot) for one in (dev, staging)] == [(1, 0, True), (1, 1, True)]
    assert [one.database_capacity for one in (dev, staging)] == [(0, 1), (0.5, 2)]


def test_an_environment_with_bake_time_never_pauses_its_database(delivery: Delivery) -> None:
    # The gate needs metrics of a running database, whatever the name of the environment is.
    dev, staging, _ = delivery.environments
    assert frugal(replace(dev, bake_minutes=30)).database_capacity == (0.5, 2)
    assert frugal(replace(staging, bake_minutes=None)).database_capacity == (0, 1)


def test_frugal_environments_are_consistent_with_prod(delivery: Delivery) -> None:
    assert list(consistency_faults([frugal(environment) for environment in delivery.environments])) == []


def test_frugal_is_idempotent(delivery: Delivery) -> None:
    for environment in delivery.environments:
        assert frugal(frugal(environment)) == frugal(environment)


def test_a_frugal_environment_passes_every_policy_pack(frugal_directory: Path) -> None:
    report = report_in(frugal_directory)
    assert {"AwsSolutions", "PCI.DSS.321", "NIST.800.53.R5"} <= set(report)
    assert [plugin["violations"] for plugin in report.values() if plugin["violations"]] == []


def test_frugal_only_removes_gateways_endpoints_and_their_alarms(frugal_assembly: Assembly, assembly: Assembly) -> None:
    frugal_resources, full_resources = comparable(frugal_assembly), comparable(assembly)
    assert len(frugal_resources) < MOST_RESOURCES
    assert set(frugal_resources) - set(full_resources) == set()
    assert Counter(full_resources[name]["Type"] for name in set(full_resources) - set(frugal_resources)) == {
        "AWS::EC2::NatGateway": 2,
        "AWS::EC2::EIP": 2,
        "AWS::CloudWatch::Alarm": 4,
        "AWS::EC2::VPCEndpoint": len(SERVICE_ENDPOINTS),
        "AWS::EC2::SecurityGroup": 1,
    }


def test_frugal_only_changes_resources_with_cost_settings(frugal_assembly: Assembly, assembly: Assembly) -> None:
    frugal_resources, full_resources = comparable(frugal_assembly), comparable(assembly)
    changed = Counter(
        frugal_resources[name]["Type"] for name in frugal_resources if frugal_resources[name] != full_resources[name]
    )
    # Private routes of two zones use the only NAT gateway; alarms follow the database size; the gate accepts its pause.
    assert set(changed) == {
        "AWS::EC2::Route",
        "AWS::ECS::Service",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::SSM::Parameter",
    }
    assert (changed["AWS::EC2::Route"], changed["AWS::SSM::Parameter"]) == (2, 1)
    different = {
        runbook(alarm)
        for name, alarm in alarms({"Resources": frugal_resources}).items()
        if frugal_resources[name] != full_resources[name]
    }
    instance = {f"database-{what}" for what in ("cpu", "connections", "free-memory", "local-storage")}
    assert different == {*instance, "gate", "health"}


def test_tasks_run_on_fargate_spot_where_the_environment_says_so(
    frugal_assembly: Assembly, assembly: Assembly, delivery: Delivery
) -> None:
    def provider(of: Assembly, stack: str) -> str:
        service, cluster = (of.only(stack, kind) for kind in ("AWS::ECS::Service", "AWS::ECS::Cluster"))
        (strategy,) = service["CapacityProviderStrategy"]
        assert strategy["CapacityProvider"] in cluster["CapacityProviders"]
        # A changed launch type replaces the service, which fails because its name is in use.
        assert "LaunchType" not in service
        return str(strategy["CapacityProvider"])

    assert provider(frugal_assembly, STACK) == "FARGATE_SPOT"
    for one in delivery.environments:
        assert provider(assembly, f"{one.name}-Payment") == ("FARGATE_SPOT" if one.spot else "FARGATE")


def test_the_frugal_database_is_serverless_and_in_two_zones(frugal_assembly: Assembly) -> None:
    scaling = frugal_assembly.only(STACK, "AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]
    assert (scaling["MinCapacity"], scaling["MaxCapacity"]) == (0, 1)
    instances = frugal_assembly.resources(STACK, "AWS::RDS::DBInstance").values()
    assert [one["DBInstanceClass"] for one in instances] == ["db.serverless"] * 2
    assert len({one["AvailabilityZone"] for one in instances}) == 2
    # Readers of promotion tiers above 1 do not scale with the writer and would be too small after a failover:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html
    assert all(one.get("PromotionTier", 0) <= 1 for one in instances)


def test_a_paused_database_neither_alarms_nor_closes_the_gate(frugal_assembly: Assembly) -> None:
    by_runbook = {runbook(alarm): alarm for alarm in alarms(frugal_assembly.template(STACK)).values()}
    assert by_runbook["database-cpu"]["TreatMissingData"] == "notBreaching"
    gates = {
        alarm["AlarmName"]: alarm["TreatMissingData"]
        for alarm in alarms(frugal_assembly.template(STACK)).values()
        if runbook(alarm) == "gate"
    }
    assert gates["payment-gate-database-dev"] == "notBreaching"
    # Without any data the gate still closes: missing hosts count as zero.
    assert gates["payment-gate-dev"] == "breaching"
