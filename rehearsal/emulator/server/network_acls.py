"""Network access control lists and their entries."""

from typing import Any

from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Properties, ResourceType, given
from rehearsal.emulator.server.network import retag, tagged


def _create(_name: str, properties: Properties) -> tuple[str, Attributes]:
    tags = tagged("network-acl", properties)
    made = api("ec2").create_network_acl(VpcId=properties["VpcId"], **tags)["NetworkAcl"]
    return made["NetworkAclId"], {"Id": made["NetworkAclId"]}


def _delete(acl_id: str, _properties: Properties) -> None:
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


RESOURCE_TYPES = {
    "AWS::EC2::NetworkAcl": ResourceType(create=_create, update=retag, delete=_delete),
    "AWS::EC2::NetworkAclEntry": ResourceType(create=_create_entry, update=_update_entry, delete=_delete_entry),
}
