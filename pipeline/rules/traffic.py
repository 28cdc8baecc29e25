"""The single rules of security groups, wherever a template writes them, and the addresses that they name."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from pipeline.rules.resource import Path, Resource, is_intrinsic
from pipeline.rules.template import Template

GROUP = "AWS::EC2::SecurityGroup"
INGRESS = "AWS::EC2::SecurityGroupIngress"
EGRESS = "AWS::EC2::SecurityGroupEgress"

WIDEST_PRIVATE = {4: 8, 6: 7}
"""The prefix lengths of 10.0.0.0/8 and fc00::/7, by IP version: a wider network reaches into the internet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A single rule of a security group.

    Args:
        resource: The resource that holds it, a group or a rule of its own.
        path: Where in the resource's properties it stands.
        own: Whether the resource is the group itself.
    """

    resource: Resource
    path: Path
    own: bool

    def at(self, name: str) -> object:
        """One of its properties."""
        return self.resource.at(*self.path, name)

    def cidrs(self) -> Iterator[str]:
        """The properties that name addresses, of those that are set."""
        return (name for name in ("CidrIp", "CidrIpv6") if self.at(name) is not None)


def traffic(template: Template, *, inward: bool) -> Iterator[Traffic]:
    """Every rule that admits traffic, or that lets it out."""
    apart, inside = (INGRESS, "SecurityGroupIngress") if inward else (EGRESS, "SecurityGroupEgress")
    for rule in template.of_type(apart):
        yield Traffic(resource=rule, path=(), own=False)
    for group in template.of_type(GROUP):
        for path in group.each(inside):
            yield Traffic(resource=group, path=path, own=True)


def network(template: Template, value: object) -> IPv4Network | IPv6Network | None:
    """The addresses that a CIDR property names; None where the template does not tell."""
    match value:
        case {"Fn::GetAtt": [str(name), "CidrBlock"]} if name in template.resources:
            value = template.resources[name].at("CidrBlock")
    if is_intrinsic(value):
        return None
    try:
        return ip_network(str(value), strict=False)
    except ValueError:
        return None


def is_the_internet(addresses: IPv4Network | IPv6Network) -> bool:
    """Whether a network is so wide that it is nobody's: 0.0.0.0/0, ::/0, or a large part of one."""
    return addresses.prefixlen < WIDEST_PRIVATE[addresses.version]
