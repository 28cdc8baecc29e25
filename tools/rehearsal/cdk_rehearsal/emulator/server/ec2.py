"""ModifyVpcPeeringConnectionOptions: an EC2 call that the emulator lacks. It is checked and written down, no more."""

from collections.abc import Callable, Container
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region

from cdk_rehearsal.emulator.server.bridge import (
    Attributes,
    Completion,
    Properties,
    ResourceType,
    api,
    given,
    tag_changes,
)
from cdk_rehearsal.emulator.server.recorded import keep


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


def _create_acl(_name: str, properties: Properties) -> tuple[str, Attributes]:
    tags = tagged("network-acl", properties)
    made = api("ec2").create_network_acl(VpcId=properties["VpcId"], **tags)["NetworkAcl"]
    return made["NetworkAclId"], {"Id": made["NetworkAclId"]}


def _delete_acl(acl_id: str, _properties: Properties) -> None:
    api("ec2").delete_network_acl(NetworkAclId=acl_id)


def _entry(properties: Properties) -> dict[str, Any]:
    return {"Egress": False} | given(
        properties, "NetworkAclId", "RuleNumber", "Protocol", "RuleAction", "Egress",
        "CidrBlock", "Ipv6CidrBlock", "PortRange",
    )  # fmt: skip


def _create_entry(name: str, properties: Properties) -> tuple[str, Attributes]:
    api("ec2").create_network_acl_entry(**_entry(properties))
    return name, {"Id": name}


def _update_entry(entry_id: str, _old: Properties, new: Properties) -> Attributes:
    api("ec2").replace_network_acl_entry(**_entry(new))
    return {"Id": entry_id}


def _delete_entry(_entry_id: str, properties: Properties) -> None:
    entry = _entry(properties)
    api("ec2").delete_network_acl_entry(**given(entry, "NetworkAclId", "RuleNumber", "Egress"))


NETWORK_ACL_TYPES = {
    "AWS::EC2::NetworkAcl": ResourceType(create=_create_acl, update=retag, delete=_delete_acl),
    "AWS::EC2::NetworkAclEntry": ResourceType(create=_create_entry, update=_update_entry, delete=_delete_entry),
}


_OTHER_GROUP = {"Ingress": "SourceSecurityGroupId", "Egress": "DestinationSecurityGroupId"}
_PREFIX_LIST = {"Ingress": "SourcePrefixListId", "Egress": "DestinationPrefixListId"}


def _permission(direction: str, properties: Properties) -> dict[str, Any]:
    about = given(properties, "Description")
    permission: dict[str, Any] = given(properties, "IpProtocol", "FromPort", "ToPort")
    if group := properties.get(_OTHER_GROUP[direction]):
        owner = properties.get("SourceSecurityGroupOwnerId", get_account_id())
        permission["UserIdGroupPairs"] = [{"GroupId": group, "UserId": owner} | about]
    if prefix_list := properties.get(_PREFIX_LIST[direction]):
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


SECURITY_GROUP_TYPES = {
    f"AWS::EC2::SecurityGroup{direction}": ResourceType(
        create=partial(_create_rule, direction), delete=partial(_delete_rule, direction)
    )
    for direction in ("Ingress", "Egress")
}


ACTION = "ModifyVpcPeeringConnectionOptions"
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_OPTION = "AllowDnsResolutionFromRemoteVpc"
Answer = tuple[int, dict[str, str], bytes]


def action(*, connections: Container[str]) -> Callable[[dict[str, Any]], Answer]:
    """The handler of the call, for the connections that the emulator knows."""

    def modify(parameters: dict[str, Any]) -> Answer:
        connection = _text(parameters, "VpcPeeringConnectionId")
        if connection not in connections:
            missing = f"The VPC peering connection '{escape(connection)}' does not exist"
            return _answer(
                400,
                f"<Response><Errors><Error><Code>InvalidVpcPeeringConnectionID.NotFound</Code>"
                f"<Message>{missing}</Message></Error></Errors></Response>",
            )
        sides = {}
        for side in ("Requester", "Accepter"):
            if wanted := _text(parameters, f"{side}PeeringConnectionOptions.{_OPTION}"):
                sides[side] = wanted
        keep(
            "AWS::EC2::VPCPeeringConnection", connection, {f"{side}.{_OPTION}": value for side, value in sides.items()}
        )
        options = "".join(
            f"<{side.lower()}PeeringConnectionOptions><allowDnsResolutionFromRemoteVpc>{escape(value)}"
            f"</allowDnsResolutionFromRemoteVpc></{side.lower()}PeeringConnectionOptions>"
            for side, value in sides.items()
        )
        return _answer(200, f'<{ACTION}Response xmlns="{_NAMESPACE}">{options}</{ACTION}Response>')

    return modify


def _text(parameters: dict[str, Any], name: str) -> str:
    """A parameter of the query protocol, which may be there several times."""
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _answer(status: int, body: str) -> Answer:
    return status, {"Content-Type": "application/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
