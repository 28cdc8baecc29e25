"""The sandbox variant: a developer's environment, Dev at the lowest cost, with its own names and networks."""

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from pipeline.settings import Delivery
from stages.environment import SettingsError
from stages.variants import DR_NETWORKS, NETWORKS, frugal, sandbox
from tests.synthesized import report_in
from tests.templates import Assembly

SHARED = {"DatabaseName", "MetricName", "ServiceName"}
"""Properties that end with Name but do not name a resource of this project."""


@pytest.fixture(scope="module")
def alone(context: dict[str, Any], delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the cloud assembly of the sandbox alice."""
    directory = tmp_path_factory.mktemp("sandbox")
    app = cdk.App(analytics_reporting=False, context={**context, "sandbox": "alice"}, outdir=str(directory))
    environment = entry_point.standalone_environment(app, delivery)
    assert environment is not None
    entry_point.synthesize_standalone(app, delivery, environment)
    return directory


def resource_names(assembly: Assembly, environment: str) -> set[tuple[str, str, str]]:
    """The resource names of an environment, each with its type and property."""
    return {
        (resource["Type"], key, value)
        for stack in ("Payment", "DisasterRecovery")
        for resource in assembly.template(f"{environment}-{stack}")["Resources"].values()
        for key, value in resource.get("Properties", {}).items()
        if isinstance(value, str) and key.endswith(("Name", "Identifier")) and key not in SHARED
    }


def test_a_sandbox_is_two_stacks_without_a_pipeline(alone: Path) -> None:
    assert sorted(Assembly(alone).stacks) == ["Sandbox-alice-DisasterRecovery", "Sandbox-alice-Payment"]


def test_a_sandbox_passes_every_policy_pack(alone: Path) -> None:
    report = report_in(alone)
    assert {"AwsSolutions", "PCI.DSS.321", "NIST.800.53.R5"} <= set(report)
    assert [plugin["violations"] for plugin in report.values() if plugin["violations"]] == []


def test_a_sandbox_has_the_resource_types_of_dev(alone: Path, assembly: Assembly) -> None:
    def types(of: Assembly, environment: str) -> set[str]:
        return {each["Type"] for each in of.template(f"{environment}-Payment")["Resources"].values()}

    dev = types(assembly, "Dev")
    # A sandbox notifies no chat and has no name in the DNS.
    optional = {kind for kind in dev if kind.startswith(("AWS::Chatbot::", "AWS::Route53::"))}
    assert types(Assembly(alone), "Sandbox-alice") == dev - optional


def test_a_sandbox_has_every_cost_setting_and_a_budget_of_its_own(delivery: Delivery) -> None:
    dev = delivery.environments[0]
    alice = sandbox("alice", dev=dev)
    assert frugal(alice) == alice
    assert alice.monthly_budget_usd < dev.monthly_budget_usd


def test_a_sandbox_shares_no_resource_name_with_dev(alone: Path, assembly: Assembly) -> None:
    own, dev = resource_names(Assembly(alone), "Sandbox-alice"), resource_names(assembly, "Dev")
    assert len(own) > 30
    assert own & dev == set()
    assert [value for kind, key, value in own if kind == "AWS::S3::Bucket" and len(value) > 63] == []


def test_a_sandbox_template_names_no_delivered_environment(alone: Path, delivery: Delivery) -> None:
    slugs = "|".join(environment.slug for environment in delivery.environments)
    theirs = re.compile(rf"(payment-[a-z-]*|/payment/)({slugs})\b", re.IGNORECASE)
    for stack in Assembly(alone).stacks.values():
        assert theirs.findall(stack.template.read_text(encoding="utf-8")) == []


def test_the_longest_sandbox_name_fits_into_a_bucket_name(delivery: Delivery) -> None:
    longest = sandbox("abcdefg", dev=delivery.environments[0])
    bucket = f"payment-access-logs-{longest.slug}-{longest.account}-{longest.primary_region}"
    assert len(bucket) <= 63


def test_sandbox_networks_overlap_no_other_network(delivery: Delivery) -> None:
    used = [network for environment in delivery.environments for network in environment.networks().values()]
    assert not any(network.overlaps(free) for network in used for free in (NETWORKS, DR_NETWORKS))
    alice, bob = (sandbox(name, dev=delivery.environments[0]) for name in ("alice", "bob"))
    assert not IPv4Network(alice.vpc_cidr).overlaps(IPv4Network(bob.vpc_cidr))
    assert IPv4Network(alice.vpc_cidr).subnet_of(NETWORKS)
    assert IPv4Network(alice.dr_vpc_cidr).subnet_of(DR_NETWORKS)


@pytest.mark.parametrize("name", ["Alice", "a-b", "", "1a", "abcdefgh", 7])
def test_an_invalid_sandbox_name_is_refused(delivery: Delivery, name: object) -> None:
    with pytest.raises(SettingsError, match="give 1 to 7 lowercase letters and digits"):
        sandbox(name, dev=delivery.environments[0])
