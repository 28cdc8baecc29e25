"""EC2: addresses, NAT gateways, flow logs, peerings, security group rules, a VPC's default group, endpoint policies."""

import json
from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server import recorded
from cdk_rehearsal.emulator.server.resource_types import (
    Attributes,
    Completion,
    Properties,
    ResourceType,
    api,
    given,
    tag_changes,
)

PEERING = "AWS::EC2::VPCPeeringConnection"


def _tagged(kind: str, properties: Properties) -> dict[str, Any]:
    """The argument that tags an EC2 resource at creation."""
    tags = properties.get("Tags")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def _retag(resource_id: str, old: Properties, new: Properties) -> Attributes:
    wanted, unwanted = tag_changes(old, new)
    if unwanted:
        api("ec2").delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in unwanted])
    if wanted:
        api("ec2").create_tags(Resources=[resource_id], Tags=wanted)
    return {}


def _create_address(_name: str, properties: Properties) -> tuple[str, Attributes]:
    address = api("ec2").allocate_address(Domain="vpc", **_tagged("elastic-ip", properties))
    public_ip: str = address["PublicIp"]
    return public_ip, {"AllocationId": address["AllocationId"], "PublicIp": public_ip}


def _allocation(public_ip: str) -> str:
    addresses = api("ec2").describe_addresses(PublicIps=[public_ip])["Addresses"]
    return str(addresses[0]["AllocationId"])


def _delete_address(public_ip: str, _properties: Properties) -> None:
    api("ec2").release_address(AllocationId=_allocation(public_ip))


def _update_address(public_ip: str, old: Properties, new: Properties) -> Attributes:
    allocation = _allocation(public_ip)
    _retag(allocation, old, new)
    return {"AllocationId": allocation, "PublicIp": public_ip}


def _create_nat_gateway(_name: str, properties: Properties) -> tuple[str, Attributes]:
    wanted = given(properties, "SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress")
    gateway = api("ec2").create_nat_gateway(**wanted, **_tagged("natgateway", properties))["NatGateway"]
    return gateway["NatGatewayId"], {"NatGatewayId": gateway["NatGatewayId"]}


def _delete_nat_gateway(gateway_id: str, _properties: Properties) -> None:
    api("ec2").delete_nat_gateway(NatGatewayId=gateway_id)


def _create_flow_log(_name: str, properties: Properties) -> tuple[str, Attributes]:
    wanted = given(
        properties, "ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName",
        "DeliverLogsPermissionArn", "LogFormat", "MaxAggregationInterval", "DestinationOptions",
    )  # fmt: skip
    made = api("ec2").create_flow_logs(ResourceIds=[properties["ResourceId"]], **wanted)
    flow_log_id: str = made["FlowLogIds"][0]
    _retag(flow_log_id, {}, properties)  # ministack ignores the tags of the call that creates it
    return flow_log_id, {"Id": flow_log_id}


def _delete_flow_log(flow_log_id: str, _properties: Properties) -> None:
    api("ec2").delete_flow_logs(FlowLogIds=[flow_log_id])


def _create_peering(_name: str, properties: Properties) -> tuple[str, Attributes]:
    """CloudFormation requests the peering and accepts it, in another account with the role of the template."""
    owner = properties.get("PeerOwnerId", get_account_id())
    if owner != get_account_id() and "PeerRoleArn" not in properties:
        raise ValueError(
            f"The peer VPC belongs to account {owner}: PeerRoleArn is required to accept the peering there"
        )
    wanted = given(properties, "VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion")
    tags = _tagged("vpc-peering-connection", properties)
    made = api("ec2").create_vpc_peering_connection(**wanted, **tags)["VpcPeeringConnection"]
    peering_id: str = made["VpcPeeringConnectionId"]
    peer = api("ec2", account=owner, region=properties.get("PeerRegion", get_region()))
    peer.accept_vpc_peering_connection(VpcPeeringConnectionId=peering_id)
    return peering_id, {"Id": peering_id}


def _delete_peering(peering_id: str, _properties: Properties) -> None:
    api("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=peering_id)


def _permission(direction: str, properties: Properties) -> dict[str, Any]:
    about = given(properties, "Description")
    permission: dict[str, Any] = given(properties, "IpProtocol", "FromPort", "ToPort")
    peer = {"Ingress": "Source", "Egress": "Destination"}[direction]
    if group := properties.get(f"{peer}SecurityGroupId"):
        owner = properties.get("SourceSecurityGroupOwnerId", get_account_id())
        permission["UserIdGroupPairs"] = [{"GroupId": group, "UserId": owner} | about]
    if prefix_list := properties.get(f"{peer}PrefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": prefix_list} | about]
    if block := properties.get("CidrIp"):
        permission["IpRanges"] = [{"CidrIp": block} | about]
    if block := properties.get("CidrIpv6"):
        permission["Ipv6Ranges"] = [{"CidrIpv6": block} | about]
    return permission


def _create_rule(direction: str, _name: str, properties: Properties) -> tuple[str, Attributes]:
    authorize = getattr(api("ec2"), f"authorize_security_group_{direction.lower()}")
    rules = authorize(GroupId=properties["GroupId"], IpPermissions=[_permission(direction, properties)])
    rule_id: str = rules["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return rule_id, {"Id": rule_id}


def _delete_rule(direction: str, rule_id: str, properties: Properties) -> None:
    revoke = getattr(api("ec2"), f"revoke_security_group_{direction.lower()}")
    revoke(GroupId=properties["GroupId"], SecurityGroupRuleIds=[rule_id])


def _complete_vpc(vpc_id: str, old: Properties, _new: Properties) -> Attributes:
    """The attributes, and the rule by which AWS's default group admits its own members."""
    ec2 = api("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
    if not old:
        in_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
        group = ec2.describe_security_groups(Filters=in_vpc)["SecurityGroups"][0]["GroupId"]
        itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group, "UserId": get_account_id()}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[itself])
    blocks = [block["AssociationId"] for block in vpc.get("CidrBlockAssociationSet", [])]
    return {"VpcId": vpc_id, "CidrBlock": vpc["CidrBlock"], "CidrBlockAssociations": blocks}


RESOURCE_TYPES = {
    "AWS::EC2::EIP": ResourceType(create=_create_address, update=_update_address, delete=_delete_address),
    "AWS::EC2::NatGateway": ResourceType(create=_create_nat_gateway, update=_retag, delete=_delete_nat_gateway),
    "AWS::EC2::FlowLog": ResourceType(
        create=_create_flow_log, update=_retag, delete=_delete_flow_log, note="no traffic is logged"
    ),
    PEERING: ResourceType(create=_create_peering, update=_retag, delete=_delete_peering),
    **{
        f"AWS::EC2::SecurityGroup{direction}": ResourceType(
            create=partial(_create_rule, direction), delete=partial(_delete_rule, direction)
        )
        for direction in ("Ingress", "Egress")
    },
}
COMPLETIONS = {"AWS::EC2::VPC": Completion(apply=_complete_vpc)}


# ModifyVpcPeeringConnectionOptions: a call that ministack lacks. It is checked and recorded.
ACTION = "ModifyVpcPeeringConnectionOptions"
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_OPTION = "AllowDnsResolutionFromRemoteVpc"
Answer = tuple[int, dict[str, str], bytes]


def action(*, connections: Container[str]) -> Callable[[dict[str, Any]], Answer]:
    """The handler of the call, for the connections that ministack knows."""

    def modify(parameters: dict[str, Any]) -> Answer:
        connection = _text(parameters, "VpcPeeringConnectionId")
        if connection not in connections:
            return _answer(
                400,
                "<Response><Errors><Error><Code>InvalidVpcPeeringConnectionID.NotFound</Code><Message>"
                f"The VPC peering connection '{escape(connection)}' does not exist"
                "</Message></Error></Errors></Response>",
            )
        options = {
            side: value
            for side in ("Requester", "Accepter")
            if (value := _text(parameters, f"{side}PeeringConnectionOptions.{_OPTION}"))
        }
        recorded.keep(PEERING, connection, {f"{side}.{_OPTION}": value for side, value in options.items()})
        elements = "".join(
            f"<{side.lower()}PeeringConnectionOptions><allowDnsResolutionFromRemoteVpc>{escape(value)}"
            f"</allowDnsResolutionFromRemoteVpc></{side.lower()}PeeringConnectionOptions>"
            for side, value in options.items()
        )
        return _answer(200, f'<{ACTION}Response xmlns="{_NAMESPACE}">{elements}</{ACTION}Response>')

    return modify


def with_policy(otherwise: Callable[..., str]) -> Callable[..., str]:
    """Ministack's description of a VPC endpoint, with its policy."""

    def describe(endpoint: Mapping[str, Any], tag: str = "item") -> str:
        described, policy = otherwise(endpoint, tag), endpoint.get("PolicyDocument")
        if not policy:
            return described
        text = policy if isinstance(policy, str) else json.dumps(policy)
        return described.removesuffix(f"</{tag}>") + f"<policyDocument>{escape(text)}</policyDocument></{tag}>"

    return describe


def _text(parameters: dict[str, Any], name: str) -> str:
    """A parameter of the query protocol, which may be repeated."""
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _answer(status: int, body: str) -> Answer:
    return status, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
