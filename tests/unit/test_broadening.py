"""What a template permits or opens that the one before did not; what becomes narrower is no finding."""

from typing import Any

import pytest

from pipeline.changes.network import broadened_network
from pipeline.changes.permissions import broadened_permissions

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::audit/*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"}


def managed(*statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {"Statement": list(statements)}, **more},
    }


def bucket_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": list(statements)}}}


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
def test_a_broader_permission_is_told(before: Any, after: Any, line: str) -> None:
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
        (bucket_policy(DENY), None),
        (role(ManagedPolicyArns=["arn:admin"]), role()),
        (role(), role(PermissionsBoundary="arn:limit")),
        (
            managed(READ | {"Action": ["s3:GetObject", "s3:PutObject"]}),
            managed(READ | {"Action": "s3:PutObject"}, READ),
        ),
    ],
)
def test_a_narrower_permission_is_none(before: Any, after: Any) -> None:
    assert broadened_permissions(before=template(before), after=template(after)) == []


HTTPS = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


OPENER: list[tuple[Any, Any, str]] = [
    (
        resource("AWS::EC2::SecurityGroup"),
        resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS]),
        "It lets traffic in: CidrIp 0.0.0.0/0, FromPort 443",
    ),
    (
        resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[HTTPS]),
        resource("AWS::EC2::SecurityGroup", SecurityGroupEgress=[HTTPS | {"ToPort": 8443}]),
        "It lets traffic out: ",
    ),
    (None, resource("AWS::EC2::SecurityGroupIngress", GroupId={"Ref": "G"}, **HTTPS), "It lets traffic in: "),
    (None, resource("AWS::EC2::Route", GatewayId={"Ref": "Internet"}), "It routes GatewayId ${Internet}"),
    (None, resource("AWS::EC2::VPCPeeringConnection", PeerVpcId="vpc-1"), "It connects PeerVpcId vpc-1"),
    (
        resource("AWS::EC2::Subnet", MapPublicIpOnLaunch=False),
        resource("AWS::EC2::Subnet", MapPublicIpOnLaunch=True),
        "It gives public addresses",
    ),
    (
        resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internal"),
        resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Scheme="internet-facing"),
        "It faces the internet",
    ),
    (
        resource("AWS::ElasticLoadBalancingV2::Listener", Protocol="HTTPS", Port=443),
        resource("AWS::ElasticLoadBalancingV2::Listener", Protocol="HTTP", Port=80),
        "It listens to HTTP on port 80",
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
]


@pytest.mark.parametrize(("before", "after", "line"), OPENER)
def test_a_newly_open_network_is_told(before: Any, after: Any, line: str) -> None:
    (found,) = broadened_network(before=template(before), after=template(after))
    assert found.startswith(line)
    assert broadened_network(before=template(before), after=template(before)) == []


def test_a_closed_way_is_none() -> None:
    before = template(resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS]))
    after = template(resource("AWS::EC2::SecurityGroup", SecurityGroupIngress=[HTTPS | {"Description": "x"}][:0]))
    assert broadened_network(before=before, after=after) == []
