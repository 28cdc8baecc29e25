"""AWS WAF: the association of a web ACL with a load balancer."""

from cdk_rehearsal.emulator.server.resource_types import Attributes, Properties, ResourceType, api, given


def _associate(_name: str, properties: Properties) -> tuple[str, Attributes]:
    api("wafv2").associate_web_acl(**given(properties, "WebACLArn", "ResourceArn"))
    return f"{properties['WebACLArn']}|{properties['ResourceArn']}", {}


def _disassociate(_association_id: str, properties: Properties) -> None:
    api("wafv2").disassociate_web_acl(**given(properties, "ResourceArn"))


RESOURCE_TYPES = {
    "AWS::WAFv2::WebACLAssociation": ResourceType(
        create=_associate, delete=_disassociate, note="no request is filtered"
    ),
}
