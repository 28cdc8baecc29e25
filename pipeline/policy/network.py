"""Rules for the network: traffic of security groups, separate environments, isolated subnets."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Resource, Template, is_intrinsic, resolve
from stages.environment import Environment

GROUP = "AWS::EC2::SecurityGroup"
INGRESS = "AWS::EC2::SecurityGroupIngress"
EGRESS = "AWS::EC2::SecurityGroupEgress"
SUBNET = "AWS::EC2::Subnet"
ROUTE = "AWS::EC2::Route"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"

HTTPS = 443
LAST_PORT = 65535
WIDEST_PRIVATE = {4: 8, 6: 7}
"""The prefix lengths of 10.0.0.0/8 and fc00::/7 by IP version. A wider network includes parts of the internet."""

ISOLATED_TAGS = (  # of the CDK
    {"Key": "aws-cdk:subnet-name", "Value": "Database"},
    {"Key": "aws-cdk:subnet-type", "Value": "Isolated"},
)


def _traffic_rules(template: Template, *, inbound: bool) -> Iterator[Resource]:
    """The rules of security groups, those that are resources of their own and those within a group."""
    separate, inline = (INGRESS, "SecurityGroupIngress") if inbound else (EGRESS, "SecurityGroupEgress")
    yield from template.of_type(separate)
    for group in template.of_type(GROUP):
        yield from group.items(inline)


def _networks(template: Template, rule: Resource) -> Iterator[tuple[str, IPv4Network | IPv6Network | None]]:
    """The properties of a rule that name addresses, each with its network; None if the template does not state it."""
    for name in ("CidrIp", "CidrIpv6"):
        if rule.at(name) is not None:
            yield name, _parse_network(template, rule.at(name))


def _parse_network(template: Template, value: object) -> IPv4Network | IPv6Network | None:
    match value:
        case {"Fn::GetAtt": [str(name), "CidrBlock"]} if name in template.resources:
            value = template.resources[name].at("CidrBlock")
    try:
        return None if is_intrinsic(value) else ip_network(str(value), strict=False)
    except ValueError:
        return None


def _is_public(addresses: IPv4Network | IPv6Network) -> bool:
    """Whether a network is wider than any private one: 0.0.0.0/0, ::/0, or a large part of them."""
    return addresses.prefixlen < WIDEST_PRIVATE[addresses.version]


@policy_rule(
    "PCI-1.3.1-IngressNamed",
    requirements=("1.2.5", "1.3.1", "1.4.2"),
    description="No security group accepts traffic from the internet, except on port 443.",
    fix="Allow only the security group or the network that connects.",
    types=(GROUP, INGRESS),
)
def _check_ingress(template: Template) -> Iterator[Finding]:
    for rule in _traffic_rules(template, inbound=True):
        if not (rule.at("IpProtocol") in ("tcp", "6") and rule.at("FromPort") == rule.at("ToPort") == HTTPS):
            yield from _check_private(template, rule)


@policy_rule(
    "PCI-1.3.2-EgressNamed",
    requirements=("1.2.5", "1.3.2"),
    description="No security group allows all outbound traffic: a rule to the internet names its ports.",
    fix="Create the group with allow_all_outbound=False, and allow each port that it connects to.",
    types=(GROUP, EGRESS),
)
def _check_egress(template: Template) -> Iterator[Finding]:
    separately = [resolve(template, rule.at("GroupId")) for rule in template.of_type(EGRESS)]
    for group in template.of_type(GROUP):
        # EC2 creates a group with a rule that allows all outbound traffic. CloudFormation removes that rule with the
        # first rule of a template, inline or separate: https://github.com/aws/aws-cdk/pull/998
        if group.at("SecurityGroupEgress") in (None, []) and (template, group) not in separately:
            yield group.finding("SecurityGroupEgress")
    for rule in _traffic_rules(template, inbound=False):
        if not _limits_ports(rule):
            yield from _check_private(template, rule)


def _limits_ports(rule: Resource) -> bool:
    """Whether a rule allows one protocol and not all of its ports."""
    first, last = rule.at("FromPort"), rule.at("ToPort")
    return (
        isinstance(rule.at("IpProtocol"), str)
        and rule.at("IpProtocol") != "-1"
        and isinstance(first, int)
        and isinstance(last, int)
        and not (first <= 1 and last in (-1, LAST_PORT))
    )


def _check_private(template: Template, rule: Resource) -> Iterator[Finding]:
    for name, addresses in _networks(template, rule):
        if addresses is None or _is_public(addresses):
            yield rule.finding(name)


@policy_rule(
    "PCI-6.5.3-EnvironmentsApart",
    requirements=("1.3.1", "1.3.2", "6.5.3"),
    description="No security group accepts traffic from an earlier environment or allows traffic to a later one.",
    fix="Allow security groups of the same environment. Only a later environment may connect to an earlier one.",
    types=(GROUP, INGRESS, EGRESS),
)
def _check_separation(template: Template) -> Iterator[Finding]:
    for rule in _traffic_rules(template, inbound=True):
        owner = template if rule.type == GROUP else _owner(template, rule.at("GroupId"))
        if owner is None:
            yield rule.finding("GroupId")
        elif earlier := _others(owner)[0]:
            yield from _check_networks(template, rule, earlier)
            yield from _check_groups(template, rule, earlier)
    for rule in _traffic_rules(template, inbound=False):
        if later := _others(template)[1]:
            yield from _check_networks(template, rule, later)


def _others(template: Template) -> tuple[tuple[Environment, ...], tuple[Environment, ...]]:
    """The environments before and after the template's own; twice all of them for a stack outside every Stage."""
    environment, order = template.environment, template.environments
    index = order.index(environment) if environment else 0
    return (order[:index], order[index + 1 :]) if environment else (order, order)


def _check_networks(template: Template, rule: Resource, others: tuple[Environment, ...]) -> Iterator[Finding]:
    for name, addresses in _networks(template, rule):
        # The internet contains every network; the rules above decide on it.
        if addresses is None or (
            not _is_public(addresses)
            and any(addresses.overlaps(theirs) for other in others for theirs in other.networks().values())
        ):
            yield rule.finding(name)


def _check_groups(template: Template, rule: Resource, earlier: tuple[Environment, ...]) -> Iterator[Finding]:
    if rule.at("SourceSecurityGroupId") is not None:
        owner = _owner(template, rule.at("SourceSecurityGroupId"))
        if owner is None or owner.environment in earlier:
            yield rule.finding("SourceSecurityGroupId")
    # Templates do not show the members of a prefix list, or the group of a name.
    for name in ("SourcePrefixListId", "SourceSecurityGroupName"):
        if rule.at(name) is not None:
            yield rule.finding(name)


def _owner(template: Template, group: object) -> Template | None:
    """The template with a security group."""
    found = resolve(template, group)
    return found[0] if found else None


@policy_rule(
    "PCI-1.4.4-NoRouteOut",
    description="No route of a template leads out of an isolated subnet, to a gateway or to another network.",
    fix="Add the route to a private subnet. Refer to tables of other stacks by SSM parameter or stack output.",
    types=(SUBNET, ROUTE),
)
def _check_isolated_subnets(template: Template) -> Iterator[Finding]:
    tables = _route_tables(template)
    for subnet in _isolated_subnets(template):
        if subnet not in tables:
            # It would use the main route table of the VPC, which no template contains.
            yield Finding(logical_id=subnet, location=f"{ASSOCIATION}.RouteTableId", value=None)
    for route in template.of_type(ROUTE):
        found = resolve(template, route.at("RouteTableId"))
        if found is None:
            yield route.finding("RouteTableId")
            continue
        owner, table = found
        tables = _route_tables(owner)
        if any(tables.get(subnet) == table.logical_id for subnet in _isolated_subnets(owner)):
            yield route.finding("RouteTableId")


def _isolated_subnets(template: Template) -> Iterator[str]:
    for subnet in template.of_type(SUBNET):
        tags = subnet.at("Tags")
        if isinstance(tags, list) and any(tag in ISOLATED_TAGS for tag in tags):
            yield subnet.logical_id


def _route_tables(template: Template) -> dict[str, str]:
    """The route table of each subnet that the template associates with one."""
    tables = {}
    for association in template.of_type(ASSOCIATION):
        subnet = resolve(template, association.at("SubnetId"))
        table = resolve(template, association.at("RouteTableId"))
        if subnet and table:
            tables[subnet[1].logical_id] = table[1].logical_id
    return tables
