"""The network: three zones, three tiers, no way out of the database tier, a closed default group, logged flows."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.synthesized import Assembly

STACK = "Dev-Payment"
TIERS = ("Public", "Private", "Database")


def subnets(assembly: Assembly, tier: str) -> dict[str, dict[str, Any]]:
    return {
        logical_id: subnet
        for logical_id, subnet in assembly.resources(STACK, "AWS::EC2::Subnet").items()
        if {"Key": "aws-cdk:subnet-name", "Value": tier} in subnet["Tags"]
    }


def default_routes(assembly: Assembly, tier: str) -> list[dict[str, Any]]:
    tables = {
        association["RouteTableId"]["Ref"]
        for association in assembly.resources(STACK, "AWS::EC2::SubnetRouteTableAssociation").values()
        if association["SubnetId"]["Ref"] in subnets(assembly, tier)
    }
    assert len(tables) == 3
    return [
        route
        for route in assembly.resources(STACK, "AWS::EC2::Route").values()
        if route["RouteTableId"]["Ref"] in tables
    ]


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_stands_in_three_zones(assembly: Assembly, tier: str) -> None:
    assert sorted(subnet["AvailabilityZone"] for subnet in subnets(assembly, tier).values()) == [
        "ap-southeast-1a",
        "ap-southeast-1b",
        "ap-southeast-1c",
    ]


def test_no_subnet_gives_public_addresses(assembly: Assembly) -> None:
    for subnet in assembly.resources(STACK, "AWS::EC2::Subnet").values():
        assert not subnet.get("MapPublicIpOnLaunch")


def test_the_subnets_lie_in_the_vpc_and_apart(assembly: Assembly) -> None:
    vpc = IPv4Network(assembly.only(STACK, "AWS::EC2::VPC")["CidrBlock"])
    networks = [IPv4Network(subnet["CidrBlock"]) for subnet in assembly.resources(STACK, "AWS::EC2::Subnet").values()]
    assert len(networks) == 9
    assert all(network.subnet_of(vpc) for network in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_public_subnets_route_to_the_internet_gateway(assembly: Assembly) -> None:
    assert ["GatewayId" in route for route in default_routes(assembly, "Public")] == [True] * 3


def test_each_private_subnet_leaves_through_the_nat_gateway_of_its_zone(assembly: Assembly) -> None:
    gateways = [route["NatGatewayId"]["Ref"] for route in default_routes(assembly, "Private")]
    assert len(set(gateways)) == 3
    zones = {
        assembly.resources(STACK, "AWS::EC2::Subnet")[gateway["SubnetId"]["Ref"]]["AvailabilityZone"]
        for gateway in assembly.resources(STACK, "AWS::EC2::NatGateway").values()
    }
    assert len(zones) == 3


def test_the_database_tier_has_no_route_out(assembly: Assembly) -> None:
    assert default_routes(assembly, "Database") == []


def test_the_default_security_group_is_closed(assembly: Assembly) -> None:
    closing = assembly.only(STACK, "Custom::VpcRestrictDefaultSG")
    vpc, attribute = closing["GroupId"]["Fn::GetAtt"]
    assert attribute == "DefaultSecurityGroup"
    assert vpc in assembly.resources(STACK, "AWS::EC2::VPC")


def test_all_flows_are_logged_encrypted_and_kept_for_400_days(assembly: Assembly) -> None:
    flow_log = assembly.only(STACK, "AWS::EC2::FlowLog")
    group = assembly.resources(STACK, "AWS::Logs::LogGroup")[flow_log["LogGroupName"]["Ref"]]
    assert flow_log["TrafficType"] == "ALL"
    assert group["RetentionInDays"] == 400
    assert group["KmsKeyId"]["Fn::GetAtt"][0] in assembly.resources(STACK, "AWS::KMS::Key")


def test_aws_services_are_reached_without_the_internet(assembly: Assembly) -> None:
    endpoints = assembly.resources(STACK, "AWS::EC2::VPCEndpoint").values()
    interface = {
        endpoint["ServiceName"].removeprefix("com.amazonaws.ap-southeast-1.")
        for endpoint in endpoints
        if endpoint["VpcEndpointType"] == "Interface"
    }
    assert interface == {"ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sqs", "ssm"}
    assert sum(endpoint["VpcEndpointType"] == "Gateway" for endpoint in endpoints) == 2


def test_no_security_group_admits_the_internet_or_lets_everything_out(assembly: Assembly) -> None:
    for group in assembly.resources(STACK, "AWS::EC2::SecurityGroup").values():
        assert all(rule["CidrIp"] != "0.0.0.0/0" for rule in group.get("SecurityGroupIngress", []))
        # What CloudFormation is told where nothing may leave: an address that nobody has.
        assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]
