"""WAF: what a web ACL is attached to, the address sets that its rules name, and where it logs."""

from typing import Any

from cdk_rehearsal.emulator.server.bridge import Attributes, Properties, ResourceType, api, given

_SEPARATOR = "|"


def _associate(_name: str, properties: Properties) -> tuple[str, Attributes]:
    api("wafv2").associate_web_acl(**given(properties, "WebACLArn", "ResourceArn"))
    return f"{properties['WebACLArn']}{_SEPARATOR}{properties['ResourceArn']}", {}


def _dissociate(_association_id: str, properties: Properties) -> None:
    api("wafv2").disassociate_web_acl(**given(properties, "ResourceArn"))


def _ip_set_arguments(properties: Properties) -> dict[str, Any]:
    return {"Addresses": properties["Addresses"]} | given(properties, "Description", "Scope")


def _create_ip_set(name: str, properties: Properties) -> tuple[str, Attributes]:
    name = properties.get("Name", name)
    wanted = _ip_set_arguments(properties) | given(properties, "IPAddressVersion", "Tags")
    made = api("wafv2").create_ip_set(Name=name, **wanted)["Summary"]
    physical_id = _SEPARATOR.join((name, made["Id"], properties["Scope"]))
    return physical_id, {"Arn": made["ARN"], "Id": made["Id"]}


def _identity(physical_id: str) -> dict[str, str]:
    name, identifier, scope = physical_id.split(_SEPARATOR)
    return {"Name": name, "Id": identifier, "Scope": scope}


def _update_ip_set(physical_id: str, _old: Properties, new: Properties) -> Attributes:
    identity = _identity(physical_id)
    found = api("wafv2").get_ip_set(**identity)
    api("wafv2").update_ip_set(**{**_ip_set_arguments(new), **identity}, LockToken=found["LockToken"])
    return {"Arn": found["IPSet"]["ARN"], "Id": identity["Id"]}


def _delete_ip_set(physical_id: str, _properties: Properties) -> None:
    identity = _identity(physical_id)
    token = api("wafv2").get_ip_set(**identity)["LockToken"]
    api("wafv2").delete_ip_set(**identity, LockToken=token)


RESOURCE_TYPES = {
    "AWS::WAFv2::WebACLAssociation": ResourceType(
        create=_associate, delete=_dissociate, note="it stands; no request is filtered"
    ),
    "AWS::WAFv2::IPSet": ResourceType(create=_create_ip_set, update=_update_ip_set, delete=_delete_ip_set),
}
