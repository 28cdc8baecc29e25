"""Rules of security groups that stand as resources of their own, as CDK writes them between two groups."""

from functools import partial
from typing import Any

from ministack.core.responses import get_account_id

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Properties, ResourceType, given

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


def _create(direction: str, _name: str, properties: Properties) -> tuple[str, Attributes]:
    authorize = getattr(api("ec2"), f"authorize_security_group_{direction.lower()}")
    rules = authorize(GroupId=properties["GroupId"], IpPermissions=[_permission(direction, properties)])
    rule_id: str = rules["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return rule_id, {"Id": rule_id}


def _delete(direction: str, rule_id: str, properties: Properties) -> None:
    revoke = getattr(api("ec2"), f"revoke_security_group_{direction.lower()}")
    revoke(GroupId=properties["GroupId"], SecurityGroupRuleIds=[rule_id])


RESOURCE_TYPES = {
    f"AWS::EC2::SecurityGroup{direction}": ResourceType(
        create=partial(_create, direction), delete=partial(_delete, direction)
    )
    for direction in ("Ingress", "Egress")
}
