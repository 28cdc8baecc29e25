"""Network paths that a template opens, and network protections that it removes."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.plan.template import Json, as_list, as_text, properties_as_text, still_exists, target
from pipeline.policy.load_balancers import BLOCKING_ACTIONS

SECURITY_GROUPS = ("SecurityGroups", "SecurityGroupIds", "VpcSecurityGroupIds", "VPCSecurityGroups")
_PUBLIC_ACCESS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_DIRECTIONS = {"Ingress": "inbound", "Egress": "outbound"}
_OUTBOUND_ONLY = ("NatGatewayId", "EgressOnlyInternetGatewayId")
_OFF = (False, "false")


def broadened_network(*, before: Json, after: Json) -> list[str]:
    """A line for each network path that is new, and for each protection that an existing resource has lost."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    known, kept = set(_open_paths(old)), set(_protections(new))
    opened = [line for line in _open_paths(new) if line not in known]
    lost = [
        f"{holder} {description}: no longer"
        for holder, protected, description in _protections(old)
        if (holder, protected, description) not in kept and still_exists(protected, holder=holder, old=old, new=new)
    ]
    return [*opened, *lost]


def _protections(resources: Json) -> Iterator[tuple[str, str, str]]:
    """The protections: the resource that gives one, the resource that it protects (perhaps the same), a description."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        for description in _own_protections(resource["Type"], properties):
            yield name, name, description
        for protected, description in _protections_of_others(resource["Type"], properties):
            yield name, protected, description


def _own_protections(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::ElasticLoadBalancingV2::Listener" if "SslPolicy" in properties:
            yield f"requires {as_text(properties['SslPolicy'])}"
        case "AWS::WAFv2::WebACL" | "AWS::WAFv2::RuleGroup":
            yield from _blocked_requests(properties)
        case "AWS::Route53Resolver::FirewallRuleGroup":
            for rule in properties.get("FirewallRules", []):
                if rule.get("Action") == "BLOCK":
                    yield f"blocks names: {properties_as_text(rule)}"
    if any(_security_groups(properties)):
        yield "has its own security groups"
    for setting in _PUBLIC_ACCESS:
        if properties.get("PublicAccessBlockConfiguration", {}).get(setting) is True:
            yield f"has {setting}"


def _blocked_requests(firewall: Json) -> Iterator[str]:
    if "Block" in firewall.get("DefaultAction", {}):
        yield "blocks requests by default"
    for rule in firewall.get("Rules", []):
        # A single rule has an action. The rules of a group have actions of their own, unless they are overridden.
        if BLOCKING_ACTIONS & set(rule.get("Action", {})) or "None" in rule.get("OverrideAction", {}):
            yield f"blocks requests: {properties_as_text({key: rule.get(key) for key in ('Name', 'Statement')})}"


def _protections_of_others(kind: str, properties: Json) -> Iterator[tuple[str, str]]:
    match kind:
        case "AWS::WAFv2::WebACLAssociation":
            by = f" by {as_text(properties['WebACLArn'])}" if "WebACLArn" in properties else ""
            balancer = properties.get("ResourceArn")
            yield target(balancer), f"filters requests to {as_text(balancer)}{by}"
        case "AWS::Route53Resolver::FirewallRuleGroupAssociation":
            vpc = properties.get("VpcId")
            yield target(vpc), f"limits the names of {as_text(vpc)} by {as_text(properties.get('FirewallRuleGroupId'))}"
        case "AWS::EC2::SubnetRouteTableAssociation":
            # Without an association a subnet uses the main route table of the VPC, which no template contains.
            subnet = properties.get("SubnetId")
            yield target(subnet), f"sets the route table of {as_text(subnet)}"


def _open_paths(resources: Json) -> Iterator[str]:
    """A line for each network path that the resources open."""
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        for paths in (_traffic(kind, properties), _routes(kind, properties, resources), _exposed(kind, properties)):
            yield from (f"{name} {line}" for line in paths)
        for group in _security_groups(properties):
            yield f"{name} belongs to {group}"


def _security_groups(value: Any) -> Iterator[str]:
    """The security groups anywhere in a resource's properties."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from map(as_text, as_list(inner)) if key in SECURITY_GROUPS else _security_groups(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _security_groups(inner)


def _traffic(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::SecurityGroup":
            for key, direction in _DIRECTIONS.items():
                for rule in properties.get(f"SecurityGroup{key}", []):
                    yield f"allows {direction} traffic: {properties_as_text(rule)}"
        case "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress":
            direction = _DIRECTIONS[kind.removeprefix("AWS::EC2::SecurityGroup")]
            yield f"allows {direction} traffic: {properties_as_text(properties)}"
        case "AWS::WAFv2::WebACL" | "AWS::WAFv2::RuleGroup":
            for rule in properties.get("Rules", []):
                if "Allow" in rule.get("Action", {}):
                    shown = {key: rule.get(key) for key in ("Name", "Priority", "Statement")}
                    yield f"allows requests: {properties_as_text(shown)}"


def _routes(kind: str, properties: Json, resources: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::Route":
            yield f"routes {properties_as_text(properties)}"
        case "AWS::EC2::VPCPeeringConnection" | "AWS::EC2::VPCGatewayAttachment" | "AWS::EC2::NetworkAclEntry":
            yield f"connects {properties_as_text(properties)}"
        case "AWS::EC2::SubnetRouteTableAssociation":
            yield from _subnet_routes(as_text(properties.get("SubnetId")), properties.get("RouteTableId"), resources)
        case "AWS::Route53Resolver::FirewallRuleGroup":
            for rule in properties.get("FirewallRules", []):
                if rule.get("Action") != "BLOCK":
                    domains = resources.get(target(rule.get("FirewallDomainListId")), {}).get("Properties", {})
                    yield from (f"resolves {as_text(domain)}" for domain in as_list(domains.get("Domains", [])))


def _subnet_routes(subnet: str, table: Any, resources: Json) -> Iterator[str]:
    """The destinations of a subnet's routes, whichever gateway they use."""
    if target(table) not in resources:
        yield f"routes {subnet} by {as_text(table)}"
    for resource in resources.values():
        route = resource.get("Properties", {})
        if resource["Type"] == "AWS::EC2::Route" and target(route.get("RouteTableId")) == target(table):
            other = " ".join(as_text(value) for key, value in sorted(route.items()) if key.startswith("Destination"))
            yield f"routes {subnet} to {other}"
            if not any(gateway in route for gateway in _OUTBOUND_ONLY):
                yield f"routes {other} to {subnet}"


def _exposed(kind: str, properties: Json) -> Iterator[str]:
    match kind:
        case "AWS::EC2::Subnet" if properties.get("MapPublicIpOnLaunch") not in (None, *_OFF):
            yield "assigns public addresses"
        case "AWS::ECS::Service" | "AWS::ECS::TaskSet":
            tasks = properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
            if tasks.get("AssignPublicIp") not in (None, "DISABLED"):
                yield "assigns public addresses"
        case "AWS::RDS::DBCluster" if properties.get("PubliclyAccessible") not in (None, *_OFF):
            yield "has a public address"
        case "AWS::RDS::DBInstance" if properties.get("PubliclyAccessible") not in _OFF:
            # Without a value it depends on the subnets.
            yield "has or may have a public address"
        case "AWS::ElasticLoadBalancingV2::LoadBalancer" if properties.get("Scheme") != "internal":
            yield "is internet-facing"
        case "AWS::ElasticLoadBalancingV2::Listener":
            yield f"listens for {properties.get('Protocol')} on port {properties.get('Port')}"
