"""Subnets of the database: no route leads out of them."""

from collections.abc import Iterator

from pipeline.rules.reference import referent
from pipeline.rules.resource import Finding, Resource
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

SUBNET = "AWS::EC2::Subnet"
ASSOCIATION = "AWS::EC2::SubnetRouteTableAssociation"
ROUTE = "AWS::EC2::Route"

ISOLATED_TAGS = (
    {"Key": "aws-cdk:subnet-name", "Value": "Database"},
    {"Key": "aws-cdk:subnet-type", "Value": "Isolated"},
)
"""How the CDK marks the tier."""


def _judge(template: Template) -> Iterator[Finding]:
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
    judge=_judge,
)
