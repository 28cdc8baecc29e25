"""The network: three tiers in three zones, no route from the database tier, closed default group, flow logs."""

import json
from ipaddress import IPv4Network
from typing import Any

import pytest

from tests.templates import Assembly, references

STACK = "Dev-Payment"
TIERS = ("Public", "Private", "Database")


def default_routes(assembly: Assembly, tier: str) -> list[dict[str, Any]]:
    tables = {
        association["RouteTableId"]["Ref"]
        for association in assembly.resources(STACK, "AWS::EC2::SubnetRouteTableAssociation").values()
        if association["SubnetId"]["Ref"] in assembly.subnets(STACK, tier)
    }
    assert len(tables) == 3
    return [
        route
        for route in assembly.resources(STACK, "AWS::EC2::Route").values()
        if route["RouteTableId"]["Ref"] in tables
    ]


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_has_subnets_in_three_zones(assembly: Assembly, tier: str) -> None:
    assert sorted(subnet["AvailabilityZone"] for subnet in assembly.subnets(STACK, tier).values()) == [
        "ap-southeast-1a",
        "ap-southeast-1b",
        "ap-southeast-1c",
    ]


def test_no_subnet_assigns_public_addresses(assembly: Assembly) -> None:
    for subnet in assembly.resources(STACK, "AWS::EC2::Subnet").values():
        assert not subnet.get("MapPublicIpOnLaunch")


def test_subnets_are_inside_the_vpc_and_do_not_overlap(assembly: Assembly) -> None:
    vpc = IPv4Network(assembly.only(STACK, "AWS::EC2::VPC")["CidrBlock"])
    networks = [IPv4Network(subnet["CidrBlock"]) for subnet in assembly.resources(STACK, "AWS::EC2::Subnet").values()]
    assert len(networks) == 9
    assert all(network.subnet_of(vpc) for network in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_public_subnets_route_to_the_internet_gateway(assembly: Assembly) -> None:
    assert ["GatewayId" in route for route in default_routes(assembly, "Public")] == [True] * 3


def test_each_private_subnet_routes_to_the_nat_gateway_of_its_zone(assembly: Assembly) -> None:
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


def test_endpoints_reach_only_the_resources_of_the_environment(assembly: Assembly) -> None:
    limited = {}
    for endpoint in assembly.resources(STACK, "AWS::EC2::VPCEndpoint").values():
        name = endpoint["ServiceName"]
        service = (name if isinstance(name, str) else json.dumps(name)).rstrip('"]} ').rpartition(".")[2]
        if "PolicyDocument" in endpoint:
            statements = endpoint["PolicyDocument"]["Statement"]
            assert all(statement["Effect"] == "Allow" for statement in statements)
            limited[service] = [(each["Action"], each["Resource"]) for each in statements]
    layers = limited["s3"].pop()
    assert layers == ("s3:GetObject", "arn:aws:s3:::prod-ap-southeast-1-starport-layer-bucket/*")
    assert {service: [action for action, _ in each] for service, each in limited.items()} == {
        "dynamodb": ["dynamodb:*"],
        "s3": ["s3:*"],
        "secretsmanager": ["secretsmanager:*"],
        "sqs": ["sqs:*"],
    }
    resources = assembly.template(STACK)["Resources"]
    for service, (statement,) in limited.items():
        arns = statement[1] if isinstance(statement[1], list) else [statement[1]]
        owners = set(references(arns)) & set(resources)
        assert len(owners) == (2 if service == "sqs" else 1), f"limit the endpoint of {service} to own resources"
        assert '"*"' not in json.dumps(arns)


def rules(assembly: Assembly, direction: str) -> list[tuple[str, dict[str, Any]]]:
    """Every rule of a direction with its group: inline rules and rules that are resources."""
    inline = [
        (name, rule)
        for name, group in assembly.resources(STACK, "AWS::EC2::SecurityGroup").items()
        for rule in group.get(f"SecurityGroup{direction}", [])
    ]
    separate = assembly.resources(STACK, f"AWS::EC2::SecurityGroup{direction}").values()
    return inline + [(rule["GroupId"]["Fn::GetAtt"][0], rule) for rule in separate]


def test_only_the_load_balancer_admits_the_internet_and_only_by_https(assembly: Assembly) -> None:
    open_to_all = [(name, rule) for name, rule in rules(assembly, "Ingress") if rule.get("CidrIp") == "0.0.0.0/0"]
    ((name, rule),) = open_to_all
    assert "LoadBalancer" in name
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)


def test_no_security_group_allows_all_egress(assembly: Assembly) -> None:
    for name, rule in rules(assembly, "Egress"):
        # The CDK renders "no egress" as a rule to an address that no host has.
        no_egress = rule.get("CidrIp") == "255.255.255.255/32"
        one_port = rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"]
        assert no_egress or one_port, f"limit the egress of {name} to one TCP port"


def test_every_security_group_is_attached_to_something(assembly: Assembly) -> None:
    attached = {
        logical_id
        for resource in assembly.template(STACK)["Resources"].values()
        if not resource["Type"].startswith("AWS::EC2::SecurityGroup")
        for logical_id in references(resource.get("Properties", {}))
    }
    groups = set(assembly.resources(STACK, "AWS::EC2::SecurityGroup"))
    assert len(groups) >= 4
    assert groups <= attached, f"remove or attach these security groups: {sorted(groups - attached)}"
