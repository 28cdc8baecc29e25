"""What protects the resources of a template from the network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.changes.openings import in_words, security_groups
from pipeline.changes.remaining import named
from pipeline.changes.statements import spelled

Json = Mapping[str, Any]

_PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_STOPPING = frozenset({"Block", "Captcha", "Challenge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One protection.

    Args:
        holder: The logical id of the resource that gives it.
        protected: What it protects, as ``named`` tells it; without it nobody misses the protection.
        words: What the holder does.
    """

    holder: str
    protected: str
    words: str


def protections(resources: Json) -> Iterator[Protection]:
    """Every protection that the resources give, to themselves or to others."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        for words in _own(resource["Type"], properties):
            yield Protection(holder=name, protected=name, words=words)
        for protected, words in _of_others(resource["Type"], properties):
            yield Protection(holder=name, protected=protected, words=words)


def _own(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::ElasticLoadBalancingV2::Listener" if "SslPolicy" in properties:
            yield f"asks for {spelled(properties['SslPolicy'])}"
        case "AWS::WAFv2::WebACL" | "AWS::WAFv2::RuleGroup":
            yield from _stopped(properties)
    if any(security_groups(properties)):
        yield "has security groups of its own"
    for setting in _PUBLIC_ACCESS:
        if properties.get("PublicAccessBlockConfiguration", {}).get(setting) is True:
            yield f"has {setting}"


def _of_others(kind: str, properties: Json) -> Iterator[tuple[str, str]]:
    match kind:
        case "AWS::WAFv2::WebACLAssociation":
            by = f" by {spelled(properties['WebACLArn'])}" if "WebACLArn" in properties else ""
            balancer = properties.get("ResourceArn")
            yield named(balancer), f"filters requests to {spelled(balancer)}{by}"
        case "AWS::EC2::SubnetRouteTableAssociation":
            # Without it a subnet has the routes of the VPC's main table, which no template spells out.
            subnet = properties.get("SubnetId")
            yield named(subnet), f"decides on the routes of {spelled(subnet)}"


def _stopped(firewall: Json) -> Iterator[str]:
    """What a firewall stops: a rule of one's own acts, a group's rules act unless they are overridden."""
    if "Block" in firewall.get("DefaultAction", {}):
        yield "stops requests by default"
    for rule in firewall.get("Rules", []):
        if _STOPPING & set(rule.get("Action", {})) or "None" in rule.get("OverrideAction", {}):
            yield f"stops requests: {in_words({key: rule.get(key) for key in ('Name', 'Statement')})}"
