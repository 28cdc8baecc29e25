"""Addresses, NAT gateways, flow logs and peering: what a VPC of three tiers has beyond subnets and routes."""

from typing import Any

from ministack.core.responses import get_account_id, get_region

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties, ResourceType, given, tag_changes


def tagged(kind: str, properties: Properties) -> dict[str, Any]:
    """The argument that tags an EC2 resource as it is made."""
    tags = properties.get("Tags")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def retag(resource_id: str, old: Properties, new: Properties) -> Attributes:
    """Bring the tags of an EC2 resource up to date."""
    wanted, unwanted = tag_changes(old, new)
    if unwanted:
        api("ec2").delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in unwanted])
    if wanted:
        api("ec2").create_tags(Resources=[resource_id], Tags=wanted)
    return {}


def _create_address(_name: str, properties: Properties) -> tuple[str, Attributes]:
    address = api("ec2").allocate_address(Domain="vpc", **tagged("elastic-ip", properties))
    public_ip: str = address["PublicIp"]
    return public_ip, {"AllocationId": address["AllocationId"], "PublicIp": public_ip}


def _allocation(public_ip: str) -> str:
    addresses = api("ec2").describe_addresses(PublicIps=[public_ip])["Addresses"]
    return str(addresses[0]["AllocationId"])


def _delete_address(public_ip: str, _properties: Properties) -> None:
    api("ec2").release_address(AllocationId=_allocation(public_ip))


def _update_address(public_ip: str, old: Properties, new: Properties) -> Attributes:
    allocation = _allocation(public_ip)
    retag(allocation, old, new)
    return {"AllocationId": allocation, "PublicIp": public_ip}


def _create_nat_gateway(_name: str, properties: Properties) -> tuple[str, Attributes]:
    wanted = given(properties, "SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress")
    gateway = api("ec2").create_nat_gateway(**wanted, **tagged("natgateway", properties))["NatGateway"]
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
    retag(flow_log_id, {}, properties)  # the emulator ignores the tags of the call that makes it
    return flow_log_id, {"Id": flow_log_id}


def _delete_flow_log(flow_log_id: str, _properties: Properties) -> None:
    api("ec2").delete_flow_logs(FlowLogIds=[flow_log_id])


def _create_peering(_name: str, properties: Properties) -> tuple[str, Attributes]:
    """CloudFormation asks and accepts; in another account it accepts in the role that the template names."""
    owner = properties.get("PeerOwnerId", get_account_id())
    if owner != get_account_id() and "PeerRoleArn" not in properties:
        raise ValueError(
            f"The peer VPC belongs to account {owner}: PeerRoleArn is required to accept the peering there"
        )
    wanted = given(properties, "VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion")
    tags = tagged("vpc-peering-connection", properties)
    made = api("ec2").create_vpc_peering_connection(**wanted, **tags)["VpcPeeringConnection"]
    peering_id: str = made["VpcPeeringConnectionId"]
    peer = api("ec2", account=owner, region=properties.get("PeerRegion", get_region()))
    peer.accept_vpc_peering_connection(VpcPeeringConnectionId=peering_id)
    return peering_id, {"Id": peering_id}


def _delete_peering(peering_id: str, _properties: Properties) -> None:
    api("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=peering_id)


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
    "AWS::EC2::NatGateway": ResourceType(create=_create_nat_gateway, update=retag, delete=_delete_nat_gateway),
    "AWS::EC2::FlowLog": ResourceType(
        create=_create_flow_log,
        update=retag,
        delete=_delete_flow_log,
        note="it exists with its settings; no traffic is ever logged",
    ),
    "AWS::EC2::VPCPeeringConnection": ResourceType(create=_create_peering, update=retag, delete=_delete_peering),
}
COMPLETIONS = {"AWS::EC2::VPC": Completion(apply=_complete_vpc)}
