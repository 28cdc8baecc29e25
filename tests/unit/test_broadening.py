"""The broadening findings of the plan: permissions and network paths that the deployed template did not allow."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.plan.network import broadened_network
from pipeline.plan.permissions import broadened_permissions
from tests.templates import Assembly

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::audit/*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"}


def managed(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {"Statement": list(statements)}, **more},
    }


def bucket_policy(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": list(statements)}, **more}}


def role(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def template(resource: dict[str, Any] | None) -> dict[str, Any]:
    return {"Resources": {} if resource is None else {"It": resource}}


BROADER: list[tuple[Any, Any, str]] = [
    (None, managed(READ), "It may now s3:GetObject on arn:aws:s3:::audit/*"),
    (managed(READ), managed(READ | {"Action": ["s3:GetObject", "s3:PutObject"]}), "It may now s3:PutObject on"),
    (managed(READ), managed(READ | {"Resource": "*"}), "It may now s3:GetObject on *"),
    (
        managed(READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        managed(READ),
        "It may now s3:GetObject on arn:aws:s3:::audit/*",
    ),
    (managed(READ), managed(READ | {"NotAction": "iam:*"}), "It may now not iam:*"),
    (bucket_policy(DENY), bucket_policy(), "It: * is no longer denied s3:* on *"),
    (bucket_policy(DENY), bucket_policy(DENY | {"Action": "s3:DeleteObject"}), "It: * is no longer denied s3:*"),
    (bucket_policy(DENY), None, "It: * is no longer denied s3:* on *"),
    (bucket_policy(DENY, Bucket="audit"), None, "It: * is no longer denied s3:* on *"),
    (bucket_policy(DENY, Bucket="a"), bucket_policy(DENY, Bucket="b"), "It: * is no longer denied s3:* on *"),
    (managed(DENY, Roles=["a", "b"]), managed(DENY, Roles=["a"]), "It: * is no longer denied s3:* on *"),
    (managed(DENY), None, "It: * is no longer denied s3:* on *"),
    (
        bucket_policy(READ | {"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}),
        bucket_policy(READ | {"Principal": {"AWS": "*"}}),
        "It: * may now s3:GetObject",
    ),
    (
        {"Type": "AWS::KMS::Key", "Properties": {}},
        {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [READ | {"Principal": "*"}]}}},
        "It: * may now s3:GetObject",
    ),
    (managed(READ, Roles=["a"]), managed(READ, Roles=["a", {"Ref": "Other"}]), "It gets Roles ${Other}"),
    (role(), role(ManagedPolicyArns=["arn:admin"]), "It gets ManagedPolicyArns arn:admin"),
    (role(PermissionsBoundary="arn:limit"), role(), "It has another permissions boundary, or none"),
    (
        None,
        {"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "Principal": "*"}},
        "It: * may now lambda:InvokeFunction",
    ),
]


@pytest.mark.parametrize(("before", "after", "line"), BROADER)
def test_a_broader_permission_is_reported(before: Any, after: Any, line: str) -> None:
    (found,) = broadened_permissions(before=template(before), after=template(after))
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (managed(READ), managed(READ)),
        (managed(READ | {"Action": "s3:*"}), managed(READ)),
        (managed(READ | {"Resource": "*"}), managed(READ)),
        (managed(READ, READ | {"Action": "s3:PutObject"}), managed(READ)),
        (managed(READ), managed(READ, DENY)),
        (managed(READ), None),
        (bucket_policy(DENY), bucket_policy(DENY, Bucket="audit")),
        (role(Policies=[{"PolicyDocument": {"Statement": DENY}}]), None),
        (role(ManagedPolicyArns=["arn:admin"]), role()),
        (role(), role(PermissionsBoundary="arn:limit")),
        (
            managed(READ | {"Action": ["s3:GetObject", "s3:PutObject"]}),
            managed(READ | {"Action": "s3:PutObject"}, READ),
        ),
    ],
)
def test_a_narrower_permission_is_not_reported(before: Any, after: Any) -> None:
    assert broadened_permissions(before=template(before), after=template(after)) == []


def attached(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": {"PolicyDocument": {"Statement": [DENY]}, **properties}}


POLICIES = [
    attached("AWS::S3::BucketPolicy", Bucket={"Ref": "One"}),
    attached("AWS::SQS::QueuePolicy", Queues=[{"Ref": "One"}, {"Ref": "Two"}]),
    attached("AWS::SNS::TopicPolicy", Topics=[{"Ref": "One"}]),
    attached("AWS::SecretsManager::ResourcePolicy", SecretId={"Ref": "One"}),
    attached("AWS::IAM::ManagedPolicy", Roles=[{"Ref": "One"}]),
    attached("AWS::IAM::ManagedPolicy"),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["Type"])
def test_a_removed_deny_is_reported_unless_its_resource_is_removed_too(policy: Any) -> None:
    # A policy without an attachment of its own is attached by these two roles.
    named_by = {} if len(policy["Properties"]) > 1 else {"ManagedPolicyArns": [{"Ref": "It"}]}
    one, two = role(**named_by), role(**named_by)
    before = {"Resources": {"It": policy, "One": one, "Two": two}}
    line = "It: * is no longer denied s3:* on *"
    assert broadened_permissions(before=before, after={"Resources": {"One": role(), "Two": role()}}) == [line]
    assert broadened_permissions(before=before, after={"Resources": {}}) == []
    assert broadened_permissions(before=before, after=before) == []
    one["DeletionPolicy"] = "Retain"
    assert broadened_permissions(before=before, after={"Resources": {}}) == [line]


def test_a_detached_deny_is_reported_for_the_role_that_remains() -> None:
    policy, bound = managed(DENY), role(ManagedPolicyArns=[{"Ref": "It"}])
    before = {"Resources": {"It": policy, "One": bound, "Two": bound}}
    freed = {"Resources": {"It": policy, "One": bound, "Two": role()}}
    assert broadened_permissions(before=before, after=freed) == ["It: * is no longer denied s3:* on *"]
    assert broadened_permissions(before=before, after={"Resources": {"It": policy, "One": bound}}) == []
    assert broadened_permissions(before=freed, after=before) == ["Two gets ManagedPolicyArns ${It}"]


HTTPS = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


OPENED: list[tuple[Any, Any, str]] = [
    (
        resource("AWS::EC2::SecurityGroup"),
        resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS]),
        "It allows inbound traffic: CidrIp 0.0.0.0/0, FromPort 443",
    ),
    (
        resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[HTTPS]),
        resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[HTTPS | {"ToPort": 8443}]),
        "It allows outbound traffic: ",
    ),
    (None, resource("AWS::EC2::SecurityGroupIngress", GroupId={"Ref": "G"}, **HTTPS), "It allows inbound traffic: "),
    (None, resource("AWS::EC2::Route", GatewayId={"Ref": "Internet"}), "It routes GatewayId ${Internet}"),
    (None, resource("AWS::EC2::VPCPeeringConnection", PeerVpcId="vpc-1"), "It connects PeerVpcId vpc-1"),
    (
        resource("AWS::EC2::Subnet", MapPublicIpOnLaunch=False),
        resource("AWS::EC2::Subnet", MapPublicIpOnLaunch=True),
        "It assigns public addresses",
    ),
    (
        resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internal"),
        resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internet-facing"),
        "It is internet-facing",
    ),
    (
        resource("AWS::ElasticLoadBalancingV2::Listener", Protocol="HTTPS", Port=443),
        resource("AWS::ElasticLoadBalancingV2::Listener", Protocol="HTTP", Port=80),
        "It listens for HTTP on port 80",
    ),
    (
        resource("AWS::WAFv2::WebACLAssociation", ResourceArn={"Ref": "Balancer"}),
        None,
        "It filters requests to ${Balancer}: no longer",
    ),
    (
        resource("AWS::S3::Bucket", PublicAccessBlockConfiguration={"BlockPublicAcls": True}),
        resource("AWS::S3::Bucket", PublicAccessBlockConfiguration={"BlockPublicAcls": False}),
        "It has BlockPublicAcls: no longer",
    ),
    (
        resource("AWS::RDS::DBInstance", PubliclyAccessible=False),
        resource("AWS::RDS::DBInstance"),
        "It has or may have a public address",
    ),
    (
        resource("AWS::RDS::DBCluster"),
        resource("AWS::RDS::DBCluster", PubliclyAccessible=True),
        "It has a public address",
    ),
    (
        None,
        resource("AWS::EC2::SubnetRouteTableAssociation", SubnetId="subnet-1", RouteTableId="rtb-1"),
        "It routes subnet-1 by rtb-1",
    ),
]


@pytest.mark.parametrize(("before", "after", "line"), OPENED)
def test_an_opened_network_path_is_reported(before: Any, after: Any, line: str) -> None:
    (found,) = broadened_network(before=template(before), after=template(after))
    assert found.startswith(line)
    assert broadened_network(before=template(before), after=template(before)) == []


def test_a_closed_network_path_is_not_reported() -> None:
    before = template(resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS]))
    after = template(resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS | {"Description": "x"}][:0]))
    assert broadened_network(before=before, after=after) == []


Resources = dict[str, Any]
TYPES = {
    "service": "AWS::ECS::Service",
    "balancer": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "listener": "AWS::ElasticLoadBalancingV2::Listener",
    "cluster": "AWS::RDS::DBCluster",
    "firewall": "AWS::WAFv2::WebACL",
    "association": "AWS::WAFv2::WebACLAssociation",
}
FURTHER = {"Fn::GetAtt": ["NetworkEndpointSecurityGroup", "GroupId"]}
ALLOWING = {"Name": "Ours", "Priority": 9, "Action": {"Allow": {}}, "Statement": {"GeoMatchStatement": {}}}


def logical_id(resources: Resources, kind: str, part: str = "") -> str:
    return next(name for name, each in resources.items() if each["Type"] == kind and part in name)


def only(resources: Resources, what: str) -> Any:
    return resources[logical_id(resources, TYPES[what])]["Properties"]


def database(resources: Resources) -> Any:
    return resources[logical_id(resources, "AWS::RDS::DBInstance")]["Properties"]


def endpoint(resources: Resources) -> Any:
    return resources[logical_id(resources, "AWS::EC2::VPCEndpoint", "Kms")]["Properties"]


def tasks(resources: Resources) -> Any:
    return only(resources, "service")["NetworkConfiguration"]["AwsvpcConfiguration"]


def route_like(resources: Resources, tier: str, to: str) -> None:
    association = logical_id(resources, "AWS::EC2::SubnetRouteTableAssociation", f"{tier}Subnet1")
    table = logical_id(resources, "AWS::EC2::RouteTable", f"{to}Subnet1")
    resources[association]["Properties"]["RouteTableId"] = {"Ref": table}


def without(resources: Resources, *kinds: str) -> None:
    for name in [name for name, each in resources.items() if each["Type"] in kinds]:
        del resources[name]


PLANTED: dict[str, tuple[Callable[[Resources], object], list[str]]] = {
    "a database with a public address": (
        lambda resources: database(resources).update(PubliclyAccessible=True),
        ["has or may have a public address"],
    ),
    "a database in the routes of the public tier": (
        lambda resources: route_like(resources, "Database", "Public"),
        ["routes ${NetworkVpcDatabaseSubnet1", "routes 0.0.0.0/0 to ${NetworkVpcDatabaseSubnet1"],
    ),
    "a database in the routes of the private tier": (
        lambda resources: route_like(resources, "Database", "Private"),
        ["routes ${NetworkVpcDatabaseSubnet1"],
    ),
    "a service in the routes of the public tier": (
        lambda resources: route_like(resources, "Private", "Public"),
        ["routes 0.0.0.0/0 to ${NetworkVpcPrivateSubnet1"],
    ),
    "no routes but those of the main table": (
        lambda resources: resources.pop(
            logical_id(resources, "AWS::EC2::SubnetRouteTableAssociation", "DatabaseSubnet1"),
        ),
        ["sets the route table of ${NetworkVpcDatabaseSubnet1"],
    ),
    "tasks with public addresses": (
        lambda resources: tasks(resources).update(AssignPublicIp="ENABLED"),
        ["assigns public addresses"],
    ),
    "a further group of the database": (
        lambda resources: only(resources, "cluster")["VpcSecurityGroupIds"].append(FURTHER),
        ["belongs to ${NetworkEndpointSecurityGroup"],
    ),
    "a further group of the service": (
        lambda resources: tasks(resources)["SecurityGroups"].append(FURTHER),
        ["belongs to ${NetworkEndpointSecurityGroup"],
    ),
    "a further group of the load balancer": (
        lambda resources: only(resources, "balancer")["SecurityGroups"].append(FURTHER),
        ["belongs to ${NetworkEndpointSecurityGroup"],
    ),
    "a further group of an endpoint": (
        lambda resources: endpoint(resources)["SecurityGroupIds"].append(FURTHER),
        ["belongs to ${NetworkEndpointSecurityGroup.GroupId}"],
    ),
    "no group but the default one": (
        lambda resources: only(resources, "cluster").pop("VpcSecurityGroupIds"),
        ["has its own security groups: no longer"],
    ),
    "another TLS policy": (
        lambda resources: only(resources, "listener").update(SslPolicy="ELBSecurityPolicy-2016-08"),
        ["requires ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09: no longer"],
    ),
    "no TLS policy": (
        lambda resources: only(resources, "listener").pop("SslPolicy"),
        ["requires ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09: no longer"],
    ),
    "a firewall with one rule less": (
        lambda resources: only(resources, "firewall")["Rules"].pop(0),
        ["blocks requests: Name AWSManagedRulesAmazonIpReputationList, Statement {"],
    ),
    "a rule that counts": (
        lambda resources: only(resources, "firewall")["Rules"][0].update(OverrideAction={"Count": {}}),
        ["blocks requests: Name AWSManagedRulesAmazonIpReputationList, Statement {"],
    ),
    "a rule that excludes": (
        lambda resources: only(resources, "firewall")["Rules"][0]["Statement"]["ManagedRuleGroupStatement"].update(
            RuleActionOverrides=[{"Name": "A", "ActionToUse": {"Count": {}}}]
        ),
        ["blocks requests: Name AWSManagedRulesAmazonIpReputationList, Statement {"],
    ),
    "a rule that lets pass": (
        lambda resources: only(resources, "firewall")["Rules"].append(ALLOWING),
        ["allows requests: Name Ours, Priority 9, Statement {"],
    ),
    "a load balancer without a firewall": (
        lambda resources: without(resources, TYPES["association"]),
        ["filters requests to ${ServiceLoadBalancer"],
    ),
    "a load balancer behind another firewall": (
        lambda resources: only(resources, "association").update(WebACLArn="arn:aws:wafv2:other"),
        ["filters requests to ${ServiceLoadBalancer"],
    ),
}

INCOMPARABLE = {
    "no group but the default one": ["belongs to ${DataDatabaseSecurityGroup"],
    "another TLS policy": ["requires ELBSecurityPolicy-2016-08: no longer"],
    "a rule that excludes": ["blocks requests: Name AWSManagedRulesAmazonIpReputationList, Statement {"],
    "a load balancer behind another firewall": ["filters requests to ${ServiceLoadBalancer"],
}
"""Findings of the reversed change, for cases where neither side is known to be narrower."""


@pytest.fixture
def resources(assembly: Assembly) -> Resources:
    """A copy of the resources of Dev-Payment."""
    found: Resources = json.loads(json.dumps(assembly.template("Dev-Payment")["Resources"]))
    return found


def network_findings(before: Resources, after: Resources) -> list[str]:
    return [
        line.split(" ", 1)[1] for line in broadened_network(before={"Resources": before}, after={"Resources": after})
    ]


@pytest.mark.parametrize("case", PLANTED)
def test_each_planted_opening_is_reported_and_its_reversal_is_not(case: str, resources: Resources) -> None:
    plant, lines = PLANTED[case]
    deployed = json.loads(json.dumps(resources))
    plant(resources)
    for found, expected in (
        (network_findings(deployed, resources), lines),
        (network_findings(resources, deployed), INCOMPARABLE.get(case, [])),
    ):
        assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


def test_a_firewall_rule_changed_from_block_to_allow_is_reported(resources: Resources) -> None:
    only(resources, "firewall").update(DefaultAction={"Block": {}})
    only(resources, "firewall")["Rules"].append(ALLOWING | {"Action": {"Block": {}}})
    deployed = json.loads(json.dumps(resources))
    only(resources, "firewall").update(DefaultAction={"Allow": {}})
    only(resources, "firewall")["Rules"][-1] = ALLOWING
    statement = 'Statement {"GeoMatchStatement": {}}'
    assert network_findings(deployed, resources) == [
        f"allows requests: Name Ours, Priority 9, {statement}",
        "blocks requests by default: no longer",
        f"blocks requests: Name Ours, {statement}: no longer",
    ]
    assert network_findings(resources, deployed) == []


def test_names_that_the_dns_firewall_no_longer_blocks_are_reported() -> None:
    def resolving(*domains: str, **more: str) -> Resources:
        rules = [{"Action": "ALLOW", "FirewallDomainListId": {"Fn::GetAtt": ["Allowed", "Id"]}, "Priority": 1}]
        rules += [{"Action": "BLOCK", "FirewallDomainListId": {"Fn::GetAtt": ["Others", "Id"]}, "Priority": 2, **more}]
        group, vpc = {"Fn::GetAtt": ["Rules", "Id"]}, {"Ref": "Vpc"}
        kind = "AWS::Route53Resolver::FirewallRuleGroup"
        return {
            "Vpc": resource("AWS::EC2::VPC"),
            "Allowed": resource("AWS::Route53Resolver::FirewallDomainList", Domains=list(domains)),
            "Rules": resource(kind, FirewallRules=rules),
            "Association": resource(f"{kind}Association", FirewallRuleGroupId=group, VpcId=vpc),
        }

    deployed = resolving("a.test")
    assert network_findings(deployed, resolving("a.test", "*")) == ["resolves *"]
    assert network_findings(resolving("a.test", "b.test"), deployed) == []
    (found,) = network_findings(deployed, resolving("a.test", Action="ALERT"))
    assert found.startswith("blocks names: Action BLOCK")
    unlimited = {name: each for name, each in deployed.items() if name != "Association"}
    assert network_findings(deployed, unlimited) == ["limits the names of ${Vpc} by ${Rules.Id}: no longer"]


def test_a_protection_removed_with_its_resource_is_not_reported(resources: Resources) -> None:
    deployed = json.loads(json.dumps(resources))
    without(resources, TYPES["association"], TYPES["balancer"], TYPES["listener"], TYPES["firewall"])
    without(resources, "AWS::S3::Bucket", "AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation")
    assert network_findings(deployed, resources) == []


def test_a_removed_resource_policy_is_reported_while_its_resource_remains(resources: Resources) -> None:
    deployed = {"Resources": json.loads(json.dumps(resources))}
    policies = {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"}
    without(resources, *policies)
    found = broadened_permissions(before=deployed, after={"Resources": resources})
    assert {line.split(":")[0] for line in found} == {
        name for name, each in deployed["Resources"].items() if each["Type"] in policies
    }
    without(resources, "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic")
    assert broadened_permissions(before=deployed, after={"Resources": resources}) == []
