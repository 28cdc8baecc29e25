"""Peering: connections follow the settings, and only the later environment may reach the earlier database."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from payment_constructs.database import PORT
from pipeline.settings import Delivery
from stages.environment import Environment
from stages.payment_stage import PaymentStage
from tests.templates import Assembly, references, statement_actions

CONNECTION = "AWS::EC2::VPCPeeringConnection"
RETURN_ROUTES = "Custom::PeeringWayBack"
Pair = tuple[Environment, Environment]


@pytest.fixture
def pairs(delivery: Delivery) -> list[Pair]:
    """The peered environments of the settings: the later one, then the earlier one."""
    by_name = {environment.name: environment for environment in delivery.environments}
    return [(later, by_name[later.peers_with]) for later in delivery.environments if later.peers_with]


def payment(environment: Environment) -> str:
    return f"{environment.name}-Payment"


def tables(assembly: Assembly, environment: Environment, tier: str) -> set[str]:
    """The logical ids of the route tables of a tier."""
    subnets = assembly.subnets(payment(environment), tier)
    associations = assembly.resources(payment(environment), "AWS::EC2::SubnetRouteTableAssociation").values()
    return {one["RouteTableId"]["Ref"] for one in associations if one["SubnetId"]["Ref"] in subnets}


def admitted(assembly: Assembly, environment: Environment) -> Iterator[tuple[str, dict[str, Any]]]:
    """The CIDR ranges in ingress rules of an environment's security groups, each with its rule."""
    groups = assembly.resources(payment(environment), "AWS::EC2::SecurityGroup").values()
    rules = [rule for group in groups for rule in group.get("SecurityGroupIngress", [])]
    for rule in (*rules, *assembly.resources(payment(environment), "AWS::EC2::SecurityGroupIngress").values()):
        if "CidrIp" in rule:
            yield rule["CidrIp"], rule


def test_the_peerings_are_those_of_the_settings(assembly: Assembly, delivery: Delivery, pairs: list[Pair]) -> None:
    connections = {
        (environment.name, connection["PeerVpcId"]["Fn::GetStackOutput"]["StackName"])
        for environment in delivery.environments
        for connection in assembly.resources(payment(environment), CONNECTION).values()
    }
    assert connections == {(later.name, payment(earlier)) for later, earlier in pairs}
    assert [(later.name, earlier.name) for later, earlier in pairs] == [("Staging", "Dev"), ("Prod", "Staging")]


def test_peered_networks_do_not_overlap(assembly: Assembly, delivery: Delivery) -> None:
    networks = [
        IPv4Network(assembly.only(payment(environment), "AWS::EC2::VPC")["CidrBlock"])
        for environment in delivery.environments
    ]
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_the_connection_targets_the_vpc_output_of_the_earlier_stack(assembly: Assembly, pairs: list[Pair]) -> None:
    for later, earlier in pairs:
        connection = assembly.only(payment(later), CONNECTION)
        source = connection["PeerVpcId"]["Fn::GetStackOutput"]
        output = assembly.template(source["StackName"])["Outputs"][source["OutputName"]]["Value"]
        assert next(references(output)) in assembly.resources(payment(earlier), "AWS::EC2::VPC")
        assert (connection["PeerOwnerId"], connection["PeerRegion"]) == (earlier.account, source["Region"])
        assert assembly.stacks[source["StackName"]].environment.region == source["Region"]


def test_the_later_environment_routes_only_from_its_private_subnets(assembly: Assembly, pairs: list[Pair]) -> None:
    for later, earlier in pairs:
        routes = [
            route
            for route in assembly.resources(payment(later), "AWS::EC2::Route").values()
            if "VpcPeeringConnectionId" in route
        ]
        assert {route["RouteTableId"]["Ref"] for route in routes} == tables(assembly, later, "Private")
        assert {route["DestinationCidrBlock"] for route in routes} == {earlier.vpc_cidr}
        assert {next(references(route["VpcPeeringConnectionId"])) for route in routes} == set(
            assembly.resources(payment(later), CONNECTION)
        )


def test_return_routes_are_only_in_the_earlier_database_subnets(assembly: Assembly, pairs: list[Pair]) -> None:
    for later, earlier in pairs:
        back = assembly.only(payment(later), RETURN_ROUTES)
        source = back["RouteTableIds"]["Fn::GetStackOutput"]
        assert (source["StackName"], source["Region"]) == (payment(earlier), back["Region"])
        output = assembly.template(payment(earlier))["Outputs"][source["OutputName"]]["Value"]
        assert set(references(output)) == tables(assembly, earlier, "Database")
        assert back["Cidr"] == later.vpc_cidr
        assert next(references(back["ConnectionId"])) in assembly.resources(payment(later), CONNECTION)


def test_the_database_subnets_of_prod_have_no_route(assembly: Assembly, delivery: Delivery) -> None:
    prod = delivery.environments[-1]
    database = tables(assembly, prod, "Database")
    assert len(database) == 3
    routed = {route["RouteTableId"]["Ref"] for route in assembly.resources(payment(prod), "AWS::EC2::Route").values()}
    assert not database & routed
    # Prod neither exports its route tables nor has a peer.
    assert not database & set(references(assembly.template(payment(prod))["Outputs"]))
    assert [environment.name for environment in delivery.environments if environment.peers_with == prod.name] == []


def test_only_the_later_environment_may_reach_the_earlier_database(
    assembly: Assembly, delivery: Delivery, pairs: list[Pair]
) -> None:
    for environment in delivery.environments:
        others = [other for other in delivery.environments if other is not environment]
        found = [
            (other.name, rule)
            for address, rule in admitted(assembly, environment)
            for other in others
            if isinstance(address, str)
            if IPv4Network(address).overlaps(IPv4Network(other.vpc_cidr)) and address != "0.0.0.0/0"
        ]
        assert [name for name, _ in found] == [later.name for later, earlier in pairs if earlier is environment]
        for _, rule in found:
            assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", PORT, PORT)
            cluster = assembly.only(payment(environment), "AWS::RDS::DBCluster")
            assert rule["GroupId"] in cluster["VpcSecurityGroupIds"]


def test_no_security_group_rule_of_prod_names_another_environment(assembly: Assembly, delivery: Delivery) -> None:
    *lower, prod = delivery.environments
    rules = [
        *assembly.resources(payment(prod), "AWS::EC2::SecurityGroup").values(),
        *assembly.resources(payment(prod), "AWS::EC2::SecurityGroupIngress").values(),
        *assembly.resources(payment(prod), "AWS::EC2::SecurityGroupEgress").values(),
    ]
    assert rules
    for other in lower:
        assert not any(network in json.dumps(rules) for network in (other.vpc_cidr, other.dr_vpc_cidr))


def test_the_peering_role_trusts_only_the_later_deployment(assembly: Assembly, pairs: list[Pair]) -> None:
    for later, earlier in pairs:
        back = assembly.only(payment(later), RETURN_ROUTES)
        (role,) = (
            role
            for role in assembly.resources(payment(earlier), "AWS::IAM::Role").values()
            if back["RoleArn"] == f"arn:aws:iam::{earlier.account}:role/{role.get('RoleName')}"
        )
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"AWS": f"arn:aws:iam::{later.account}:root"}
        functions = assembly.resources(payment(later), "AWS::Lambda::Function")
        function = functions[next(references(back["ServiceToken"]))]
        assert trust["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": [execution_role(assembly, later), function["Role"]]}
        }
        policies = assembly.resources(payment(later), "AWS::IAM::ManagedPolicy").values()
        assert [
            statement["Resource"]
            for policy in policies
            if function["Role"].split("/")[1] in policy.get("Roles", [])
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "sts:AssumeRole"
        ] == [back["RoleArn"]]


def test_the_peering_role_may_only_change_its_routes_and_connections(assembly: Assembly, pairs: list[Pair]) -> None:
    for later, earlier in pairs:
        role = assembly.role(payment(earlier), f"payment-peering-{later.slug}-{earlier.slug}")
        vpc = set(assembly.resources(payment(earlier), "AWS::EC2::VPC"))
        allowed = {
            tuple(statement_actions(statement)): statement
            for statement in assembly.role_statements(payment(earlier), role)
        }
        assert set(references(allowed.pop(("ec2:CreateRoute", "ec2:DeleteRoute"))["Resource"])) == tables(
            assembly, earlier, "Database"
        )
        # The intrinsic asks by the stack's name, for which IAM checks the name with any id.
        stack = f"arn:aws:cloudformation:{earlier.primary_region}:{earlier.account}:stack/{payment(earlier)}/*"
        assert allowed.pop(("cloudformation:DescribeStacks",))["Resource"] == stack
        assert allowed.pop(("ec2:DescribeVpcPeeringConnections",))["Resource"] == "*"
        assert set(references(allowed.pop(("ec2:AcceptVpcPeeringConnection",))["Resource"])) == vpc
        connections = allowed.pop(("ec2:AcceptVpcPeeringConnection", "ec2:ModifyVpcPeeringConnectionOptions"))
        assert set(references(connections["Condition"]["ArnEquals"]["ec2:AccepterVpc"])) == vpc
        assert allowed == {}


def execution_role(assembly: Assembly, environment: Environment) -> str:
    """The CloudFormation execution role of an environment's payment stack."""
    properties = assembly._properties(payment(environment))
    role: str = properties["cloudFormationExecutionRoleArn"]
    return role.replace("${AWS::Partition}", "aws")


def payment_template(
    context: dict[str, Any],
    environment: Environment,
    *,
    previous: Environment | None = None,
    following: Environment | None = None,
) -> Template:
    stage = PaymentStage(
        cdk.App(analytics_reporting=False, context=context),
        "Only",
        environment=environment,
        previous=previous,
        following=following,
        tooling_account="111111111111",
        release="0",
    )
    return Template.from_stack(stage.payment)


def test_without_a_peering_only_the_peering_role_remains(context: dict[str, Any], delivery: Delivery) -> None:
    _, staging, prod = delivery.environments
    off = replace(staging, peers_with=None)
    template = payment_template(context, off, following=replace(prod, peers_with=None))
    assert not template.find_resources(CONNECTION)
    assert not template.find_resources(RETURN_ROUTES)
    assert prod.vpc_cidr not in json.dumps(template.to_json())
    # The earlier stack deploys first: without the role, the later stack could not delete its return routes.
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": "payment-peering-prod-staging"})


def test_the_last_environment_admits_no_peer(assembly: Assembly, delivery: Delivery) -> None:
    prod = delivery.environments[-1]
    assert not [name for name in assembly.template(payment(prod))["Resources"] if name.startswith("PeeringAdmission")]
    assert "DatabaseRouteTableIds" not in assembly.template(payment(prod))["Outputs"]


def test_a_connection_within_one_account_needs_no_peer_role(context: dict[str, Any], delivery: Delivery) -> None:
    dev, staging, _ = delivery.environments
    here = replace(dev, account=staging.account, certificate_arn=staging.certificate_arn)
    template = payment_template(context, staging, previous=here)
    (connection,) = template.find_resources(CONNECTION).values()
    (back,) = template.find_resources(RETURN_ROUTES).values()
    assert "PeerRoleArn" not in connection["Properties"]
    role = f"arn:aws:iam::{staging.account}:role/payment-peering-staging-dev"
    assert back["Properties"]["RoleArn"] == role
    assert back["Properties"]["RouteTableIds"]["Fn::GetStackOutput"]["RoleArn"] == role
