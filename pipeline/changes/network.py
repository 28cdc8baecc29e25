"""What a template opens in the network that the one before kept closed, and which protection it takes away."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.changes.statements import spelled

Json = Mapping[str, Any]

_PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def broadened_network(*, before: Json, after: Json) -> list[str]:
    """A line for each way that is newly open, and for each protection that is gone.

    Args:
        before: The template that stands.
        after: The template that comes.
    """
    old, new = before.get("Resources", {}), after.get("Resources", {})
    opened = [line for line in _all(new, _openings) if line not in set(_all(old, _openings))]
    kept = set(_all(new, _protections))
    return opened + [f"{line}: no longer" for line in _all(old, _protections) if line not in kept]


def _all(resources: Json, of: Callable[[str, Json], Iterator[str]]) -> list[str]:
    return [
        f"{name} {line}" for name, resource in resources.items() for line in of(resource["Type"], _properties(resource))
    ]


def _properties(resource: Json) -> Json:
    found: Json = resource.get("Properties", {})
    return found


def _openings(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::SecurityGroup":
            for direction in ("Ingress", "Egress"):
                for rule in properties.get(f"SecurityGroup{direction}", []):
                    yield f"lets traffic {_ways[direction]}: {_rule(rule)}"
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            yield f"lets traffic {_ways[kind.removeprefix('AWS::EC2::SecurityGroup')]}: {_rule(properties)}"
        case "AWS::EC2::Route":
            yield f"routes {_rule(properties)}"
        case "AWS::EC2::VPCPeeringConnection" | "AWS::EC2::VPCGatewayAttachment" | "AWS::EC2::NetworkAclEntry":
            yield f"connects {_rule(properties)}"
        case "AWS::EC2::Subnet" if properties.get("MapPublicIpOnLaunch") not in (None, False):
            yield "gives public addresses"
        case "AWS::ElasticLoadBalancingV2::LoadBalancer" if properties.get("Scheme") != "internal":
            yield "faces the internet"
        case "AWS::ElasticLoadBalancingV2::Listener":
            yield f"listens to {properties.get('Protocol')} on port {properties.get('Port')}"


def _protections(kind: str, properties: Json) -> Iterator[str]:
    if kind == "AWS::WAFv2::WebACLAssociation":
        yield f"filters requests to {spelled(properties.get('ResourceArn'))}"
    for setting in _PUBLIC_ACCESS:
        if properties.get("PublicAccessBlockConfiguration", {}).get(setting) is True:
            yield f"has {setting}"


_ways = {"Ingress": "in", "Egress": "out"}


def _rule(properties: Json) -> str:
    told = {key: value for key, value in sorted(properties.items()) if key not in {"Description", "Tags"}}
    return ", ".join(f"{key} {value if isinstance(value, int) else spelled(value)}" for key, value in told.items())
