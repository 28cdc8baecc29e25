"""The limits of the web application firewall, and the names that the DNS firewall resolves."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from payment_constructs.dns_firewall import AWS_NAMES, DnsFirewall
from payment_constructs.firewall import DEFAULT_LIMITS, Firewall, FirewallLimits
from payment_constructs.network import SERVICE_ENDPOINTS
from pipeline.settings import load_delivery
from tests.sample import sample_settings

BUSY_MERCHANT = 10_000
"""Requests in 5 minutes from one address: 30 payments a second."""


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="1" * 12, region="eu-central-1"))


def rules(stack: cdk.Stack, limits: FirewallLimits) -> dict[str, Any]:
    """The rules of a firewall with these limits, by name."""
    key = kms.Key(stack, "Key")
    Firewall(stack, "It", name="api", resource_arn="arn:balancer", limits=limits, log_key=key, retain=True)
    (acl,) = Template.from_stack(stack).find_resources("AWS::WAFv2::WebACL").values()
    return {rule["Name"]: rule for rule in acl["Properties"]["Rules"]}


def test_by_default_a_merchant_behind_one_address_is_not_limited(stack: cdk.Stack) -> None:
    limit = rules(stack, DEFAULT_LIMITS)["RateLimit"]["Statement"]["RateBasedStatement"]
    assert limit["AggregateKeyType"] == "IP"
    assert limit["Limit"] >= BUSY_MERCHANT


def test_a_shorter_limit_of_bodies_is_a_rule_that_blocks(stack: cdk.Stack) -> None:
    rule = rules(stack, FirewallLimits(requests_per_5_minutes=500, body_bytes=4096))["BodySize"]
    size = rule["Statement"]["SizeConstraintStatement"]
    assert (size["ComparisonOperator"], size["Size"], rule["Action"]) == ("GT", 4096, {"Block": {}})
    assert size["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}


def test_without_a_limit_of_bodies_only_their_length_is_not_blocked(stack: cdk.Stack) -> None:
    found = rules(stack, FirewallLimits(body_bytes=0))
    overridden = {
        name: overrides
        for name, rule in found.items()
        if (overrides := rule["Statement"].get("ManagedRuleGroupStatement", {}).get("RuleActionOverrides"))
    }
    count = [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]
    assert overridden == {"AWSManagedRulesCommonRuleSet": count}
    assert "BodySize" not in found


def test_only_the_listed_names_and_those_of_aws_are_resolved(stack: cdk.Stack) -> None:
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["eu-central-1a"])
    DnsFirewall(stack, "It", name="outbound", vpc=vpc, domains=["*.acquirer.test"])
    template = Template.from_stack(stack)
    lists = {
        logical_id: each["Properties"]["Domains"]
        for logical_id, each in template.find_resources("AWS::Route53Resolver::FirewallDomainList").items()
    }
    (group,) = template.find_resources("AWS::Route53Resolver::FirewallRuleGroup").values()
    in_order = sorted(group["Properties"]["FirewallRules"], key=lambda rule: rule["Priority"])
    (first, allowed), (last, others) = (
        (rule["Action"], lists[rule["FirewallDomainListId"]["Fn::GetAtt"][0]]) for rule in in_order
    )
    assert (first, last, others) == ("ALLOW", "BLOCK", ["*"])
    assert {"*.acquirer.test", "sqs.eu-central-1.amazonaws.com", "*.eu-central-1.rds.amazonaws.com"} <= set(allowed)
    assert {rule["FirewallDomainRedirectionAction"] for rule in in_order} == {"TRUST_REDIRECTION_DOMAIN"}
    (association,) = template.find_resources("AWS::Route53Resolver::FirewallRuleGroupAssociation").values()
    assert association["Properties"]["VpcId"] == "vpc-1"
    assert 100 < association["Properties"]["Priority"] < 9900, "AWS refuses it"


def test_every_service_with_an_endpoint_in_the_vpc_is_resolved() -> None:
    names = {service.short_name for service in SERVICE_ENDPOINTS.values()} | {"dynamodb", "s3"}
    allowed = {name.removesuffix(".{}").removeprefix("*.") for name in AWS_NAMES}
    missing = {name for name in names if ".".join(reversed(name.split("."))) not in allowed and name not in allowed}
    assert not missing, "add the name to AWS_NAMES of payment_constructs/dns_firewall.py"


def test_the_limits_and_the_list_are_read_from_the_settings() -> None:
    settings = sample_settings()
    for entry in settings["environments"].values():
        entry |= {"firewall": {"requests_per_5_minutes": 500}, "allowed_domains": ["*.acquirer.test", "card.test"]}
    for environment in load_delivery(settings, release="unreleased").environments:
        assert environment.firewall == FirewallLimits(requests_per_5_minutes=500)
        assert environment.allowed_domains == ("*.acquirer.test", "card.test")
