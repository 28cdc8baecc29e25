"""Subnets of the database: no route leads out of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from pipeline.policy.template import Finding, PropertyPath, Resource, Rule, Template, is_intrinsic, referent
from stages.environment import Environment

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
    path: PropertyPath
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


HTTPS = 443
LAST_PORT = 65535


def _judge_egress(template: Template) -> Iterator[Finding]:
    ruled_apart = [referent(template, rule.at("GroupId")) for rule in template.of_type(EGRESS)]
    for group in template.of_type(GROUP):
        # EC2 makes a group with a rule that lets everything out, and CloudFormation takes it away with the first rule
        # that a template gives the group, in the group or apart from it: https://github.com/aws/aws-cdk/pull/998
        if group.at("SecurityGroupEgress") in (None, []) and (template, group) not in ruled_apart:
            yield group.finding("SecurityGroupEgress")
    for rule in traffic(template, inward=False):
        if not _names_its_traffic(rule):
            yield from _open_to_the_internet(template, rule)


def _judge_ingress(template: Template) -> Iterator[Finding]:
    for rule in traffic(template, inward=True):
        if not (rule.at("IpProtocol") in ("tcp", "6") and rule.at("FromPort") == rule.at("ToPort") == HTTPS):
            yield from _open_to_the_internet(template, rule)


def _names_its_traffic(rule: Traffic) -> bool:
    """Whether a rule is about one protocol and fewer ports than all."""
    first, last = rule.at("FromPort"), rule.at("ToPort")
    return (
        isinstance(rule.at("IpProtocol"), str)
        and rule.at("IpProtocol") != "-1"
        and isinstance(first, int)
        and isinstance(last, int)
        and not (first <= 1 and last in (-1, LAST_PORT))
    )


def _open_to_the_internet(template: Template, rule: Traffic) -> Iterator[Finding]:
    for name in rule.cidrs():
        addresses = network(template, rule.at(name))
        if addresses is None or is_the_internet(addresses):
            yield rule.resource.finding(*rule.path, name)


EGRESS_NAMED = Rule(
    id="PCI-1.3.2-EgressNamed",
    requirements=("1.2.5", "1.3.2"),
    asks="No security group lets everything out: a rule to the internet names a protocol and its ports.",
    remedy="Make the group with allow_all_outbound=False, and name each port that it reaches.",
    types=(GROUP, EGRESS),
    judge=_judge_egress,
)
INGRESS_NAMED = Rule(
    id="PCI-1.3.1-IngressNamed",
    requirements=("1.2.5", "1.3.1", "1.4.2"),
    asks="No security group admits the internet but on port 443.",
    remedy="Name the group or the network that is admitted.",
    types=(GROUP, INGRESS),
    judge=_judge_ingress,
)


def _judge_separation(template: Template) -> Iterator[Finding]:
    for rule in traffic(template, inward=True):
        admitting = template if rule.own else _holder(template, rule.at("GroupId"))
        if admitting is None:
            yield rule.resource.finding("GroupId")
        elif earlier := _earlier(admitting):
            yield from _named_networks(template, rule, earlier)
            yield from _named_groups(template, rule, earlier)
    for rule in traffic(template, inward=False):
        if later := _later(template):
            yield from _named_networks(template, rule, later)


def _earlier(template: Template) -> tuple[Environment, ...]:
    # The delivery's own stacks admit no environment at all.
    environment, order = template.environment, template.environments
    return order[: order.index(environment)] if environment else order


def _later(template: Template) -> tuple[Environment, ...]:
    environment, order = template.environment, template.environments
    return order[order.index(environment) + 1 :] if environment else order


def _named_networks(template: Template, rule: Traffic, others: tuple[Environment, ...]) -> Iterator[Finding]:
    for name in rule.cidrs():
        addresses = network(template, rule.at(name))
        # The internet is every network's; whether it may be named is another rule's.
        if addresses is None or (
            not is_the_internet(addresses)
            and any(addresses.overlaps(theirs) for other in others for theirs in other.networks().values())
        ):
            yield rule.resource.finding(*rule.path, name)


def _named_groups(template: Template, rule: Traffic, earlier: tuple[Environment, ...]) -> Iterator[Finding]:
    if rule.at("SourceSecurityGroupId") is not None:
        holder = _holder(template, rule.at("SourceSecurityGroupId"))
        if holder is None or holder.environment in earlier:
            yield rule.resource.finding(*rule.path, "SourceSecurityGroupId")
    # Nobody can tell from a template who stands in a prefix list, or behind a name.
    for name in ("SourcePrefixListId", "SourceSecurityGroupName"):
        if rule.at(name) is not None:
            yield rule.resource.finding(*rule.path, name)


def _holder(template: Template, group: object) -> Template | None:
    """The template that a group stands in."""
    found = referent(template, group)
    return found[0] if found else None


ENVIRONMENTS_APART = Rule(
    id="PCI-6.5.3-EnvironmentsApart",
    requirements=("1.3.1", "1.3.2", "6.5.3"),
    asks="No security group of an environment admits an earlier environment or reaches for a later one.",
    remedy="Admit by groups of the same environment; let only the later environment connect to the earlier one.",
    types=(GROUP, INGRESS, EGRESS),
    judge=_judge_separation,
)


SUBNET = "AWS::EC2::Subnet"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
ROUTE = "AWS::EC2::Route"

ISOLATED_TAGS = (
    {"Key": "aws-cdk:subnet-name", "Value": "Database"},
    {"Key": "aws-cdk:subnet-type", "Value": "Isolated"},
)
"""How the CDK marks the tier."""


def _judge_isolated_subnets(template: Template) -> Iterator[Finding]:
    tables = _tables(template)
    for subnet in _isolated(template):
        if subnet.logical_id not in tables:
            # It would use the VPC's main table, which no template spells out.
            yield Finding(logical_id=subnet.logical_id, location=f"{ASSOCIATION}.RouteTableId", value=None)
    for route in template.of_type(ROUTE):
        found = referent(template, route.at("RouteTableId"))
        if found is None:
            yield route.finding("RouteTableId")
            continue
        holder, table = found
        isolated = {subnet.logical_id for subnet in _isolated(holder)}
        if any(subnet in isolated and of == table.logical_id for subnet, of in _tables(holder).items()):
            yield route.finding("RouteTableId")


def _isolated(template: Template) -> Iterator[Resource]:
    for subnet in template.of_type(SUBNET):
        tags = subnet.at("Tags")
        if isinstance(tags, list) and any(tag in ISOLATED_TAGS for tag in tags):
            yield subnet


def _tables(template: Template) -> dict[str, str]:
    """The route table of each subnet that is given one of the template."""
    tables = {}
    for association in template.of_type(ASSOCIATION):
        subnet = referent(template, association.at("SubnetId"))
        table = referent(template, association.at("RouteTableId"))
        if subnet and table:
            tables[subnet[1].logical_id] = table[1].logical_id
    return tables


NO_ROUTE_OUT = Rule(
    id="PCI-1.4.4-NoRouteOut",
    requirements=("1.4.4",),
    asks="No route of a template leads out of an isolated subnet, neither to a gateway nor to another network.",
    remedy="Add the route to the private subnets' tables, and refer to tables of other stacks by parameter or output.",
    types=(SUBNET, ROUTE),
    judge=_judge_isolated_subnets,
)
