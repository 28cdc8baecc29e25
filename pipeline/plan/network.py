"""What a template opens in the network that the one before kept closed, and which protection it takes away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.plan.permissions import listed, named, remains, spelled

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


SECURITY_GROUPS = ("SecurityGroups", "SecurityGroupIds", "VpcSecurityGroupIds", "VPCSecurityGroups")

_WAYS = {"Ingress": "in", "Egress": "out"}
_ONE_WAY = ("NatGatewayId", "EgressOnlyInternetGatewayId")
_OFF = (False, "false")


def openings(resources: Json) -> Iterator[str]:
    """A line for each way that stands open."""
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        for opened in (_traffic(kind, properties), _routes(kind, properties, resources), _exposed(kind, properties)):
            yield from (f"{name} {line}" for line in opened)
        for group in security_groups(properties):
            yield f"{name} belongs to {group}"


def security_groups(value: Any) -> Iterator[str]:
    """The security groups that a resource's properties name, wherever its type has them."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from map(spelled, listed(inner)) if key in SECURITY_GROUPS else security_groups(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from security_groups(inner)


def _traffic(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::SecurityGroup":
            for direction, way in _WAYS.items():
                for rule in properties.get(f"SecurityGroup{direction}", []):
                    yield f"lets traffic {way}: {in_words(rule)}"
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            yield f"lets traffic {_WAYS[kind.removeprefix('AWS::EC2::SecurityGroup')]}: {in_words(properties)}"
        case "AWS::WAFv2::WebACL" | "AWS::WAFv2::RuleGroup":
            for rule in properties.get("Rules", []):
                if "Allow" in rule.get("Action", {}):
                    told = {key: rule.get(key) for key in ("Name", "Priority", "Statement")}
                    yield f"lets requests pass: {in_words(told)}"


def _routes(kind: str, properties: Json, resources: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::Route":
            yield f"routes {in_words(properties)}"
        case "AWS::EC2::VPCPeeringConnection" | "AWS::EC2::VPCGatewayAttachment" | "AWS::EC2::NetworkAclEntry":
            yield f"connects {in_words(properties)}"
        case "AWS::EC2::SubnetRouteTableAssociation":
            yield from _associated(spelled(properties.get("SubnetId")), properties.get("RouteTableId"), resources)


def _associated(subnet: str, table: Any, resources: Json) -> Iterator[str]:
    """Where a route table leads a subnet; which of several gateways to the same place does it makes no difference."""
    if named(table) not in resources:
        yield f"leads {subnet} wherever {spelled(table)} does"
    for resource in resources.values():
        route = resource.get("Properties", {})
        if resource["Type"] == "AWS::EC2::Route" and named(route.get("RouteTableId")) == named(table):
            place = " ".join(spelled(value) for key, value in sorted(route.items()) if key.startswith("Destination"))
            yield f"lets {subnet} out to {place}"
            if not any(gateway in route for gateway in _ONE_WAY):
                yield f"lets {place} in to {subnet}"


def _exposed(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::Subnet" if properties.get("MapPublicIpOnLaunch") not in (None, *_OFF):
            yield "gives public addresses"
        case "AWS::ECS::Service" | "AWS::ECS::TaskSet":
            tasks = properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
            if tasks.get("AssignPublicIp") not in (None, "DISABLED"):
                yield "gives public addresses"
        case "AWS::RDS::DBCluster" if properties.get("PubliclyAccessible") not in (None, *_OFF):
            yield "has a public address"
        case "AWS::RDS::DBInstance" if properties.get("PubliclyAccessible") not in _OFF:
            # An instance that does not say has one or not, as its subnets are.
            yield "has a public address, or does not rule it out"
        case "AWS::ElasticLoadBalancingV2::LoadBalancer" if properties.get("Scheme") != "internal":
            yield "faces the internet"
        case "AWS::ElasticLoadBalancingV2::Listener":
            yield f"listens to {properties.get('Protocol')} on port {properties.get('Port')}"


def in_words(properties: Json) -> str:
    """Properties in one line, without those that only describe."""
    told = {key: value for key, value in sorted(properties.items()) if key not in {"Description", "Tags"}}
    return ", ".join(f"{key} {value if isinstance(value, int) else spelled(value)}" for key, value in told.items())


def broadened_network(*, before: Json, after: Json) -> list[str]:
    """A line for each way that is newly open, and for each protection that is gone from what remains.

    Args:
        before: The template that stands.
        after: The template that comes.
    """
    old, new = before.get("Resources", {}), after.get("Resources", {})
    known, kept = set(openings(old)), set(protections(new))
    lost = [
        each
        for each in protections(old)
        if each not in kept and remains(each.protected, holder=each.holder, old=old, new=new)
    ]
    return [
        *(line for line in openings(new) if line not in known),
        *(f"{each.holder} {each.words}: no longer" for each in lost),
    ]
