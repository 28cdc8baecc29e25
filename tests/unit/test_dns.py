"""The optional DNS name of an environment: the records, their health checks, and the settings that are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app as entry_point
from payment_constructs.dns import DnsName
from pipeline.bootstrap.permissions import managed_policies
from pipeline.settings import Delivery
from stages.consistency import consistency_faults
from stages.environment import Environment, SettingsError
from stages.variants import recovered, sandbox
from tests.synthesized import report_in
from tests.templates import Assembly

NAME = DnsName(zone_id="Z0123456789ABCDEFGHIJ", zone_name="payments.test", record_name="api.payments.test")
RECORD, CHECK = "AWS::Route53::RecordSet", "AWS::Route53::HealthCheck"


@pytest.fixture(scope="module")
def named(delivery: Delivery) -> Environment:
    return replace(delivery.environments[-1], dns=NAME)


def lost_and_recovered(environment: Environment) -> Environment:
    certificate = environment.certificate_arn.replace(environment.primary_region, environment.dr_region)
    return recovered(environment, certificate_arn=certificate)


@pytest.mark.parametrize("secondary", [False, True])
def test_the_name_is_a_failover_record_whose_secondary_gets_no_traffic_at_first(
    named: Environment, delivery: Delivery, context: dict[str, Any], tmp_path: Path, secondary: bool
) -> None:
    environment = lost_and_recovered(named) if secondary else named
    app = cdk.App(analytics_reporting=False, context=context, outdir=str(tmp_path))
    entry_point.synthesize_standalone(app, delivery, environment)
    assert [one["violations"] for one in report_in(tmp_path).values() if one["violations"]] == []
    assembly, stack = Assembly(tmp_path), f"{environment.name}-Payment"
    record, check = assembly.only(stack, RECORD), assembly.only(stack, CHECK)["HealthCheckConfig"]
    (balancer,) = assembly.resources(stack, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    address = {"Fn::GetAtt": [balancer, "DNSName"]}
    assert (record["Name"], record["Failover"]) == ("api.payments.test.", "SECONDARY" if secondary else "PRIMARY")
    assert record["AliasTarget"]["DNSName"] == check["FullyQualifiedDomainName"] == address
    assert record["HealthCheckId"]["Fn::GetAtt"][0] in assembly.resources(stack, CHECK)
    assert (check["Type"], check["Port"], check["ResourcePath"], check["Inverted"]) == (
        "HTTPS",
        443,
        "/health",
        secondary,
    )
    policies = managed_policies([assembly.template(name) for name in assembly.stacks], delivery).values()
    statements = [one for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    # The endpoint of Route 53 is in us-east-1, whatever the region of the stack.
    assert [one.get("Condition") for one in statements if "route53:ChangeResourceRecordSets" in one["Action"]] == [None]


def test_without_a_name_there_is_no_record(assembly: Assembly, delivery: Delivery) -> None:
    for environment in (one for one in delivery.environments if one.dns is None):
        assert not assembly.resources(f"{environment.name}-Payment", RECORD)


def test_the_primary_and_the_secondary_record_have_identifiers_of_their_own(named: Environment) -> None:
    other = lost_and_recovered(named)
    assert other.dns == replace(NAME, secondary=True)
    assert other.slug != named.slug


def test_a_sandbox_has_no_name(named: Environment) -> None:
    assert sandbox("alice", dev=named).dns is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"zone_id": "payments"}, "dns.zone_id is 'payments': give the id of a public hosted zone"),
        ({"zone_name": "Payments.test"}, "dns.zone_name is 'Payments.test': give a name in lower case"),
        ({"record_name": "api"}, "dns.record_name is 'api': give a full name in the zone payments.test."),
        ({"record_name": "api.mypayments.test"}, "dns.record_name is 'api.mypayments.test': give a full name in"),
    ],
)
def test_an_invalid_name_is_refused(delivery: Delivery, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        replace(delivery.environments[-1], dns=replace(NAME, **change))
    (message,) = refused.value.faults
    assert fault in message


def test_a_name_that_is_no_object_is_refused(delivery: Delivery) -> None:
    with pytest.raises(SettingsError, match=r"dns is 'api.payments.test': give an object with zone_id, zone_name and"):
        replace(delivery.environments[-1], dns="api.payments.test")  # type: ignore[arg-type]


def test_two_environments_may_not_have_one_name(delivery: Delivery) -> None:
    first, second = (replace(one, dns=NAME) for one in delivery.environments[:2])
    (fault,) = (fault for fault in consistency_faults([first, second]) if "record_name" in fault)
    assert fault == (
        f"{second.name}: dns.record_name is 'api.payments.test', the name of {first.name}: give another name."
    )
