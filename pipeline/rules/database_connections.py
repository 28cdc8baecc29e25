"""How a database is reached: by TLS, or not at all."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding, Resource
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

CLUSTER = "AWS::RDS::DBCluster"
INSTANCE = "AWS::RDS::DBInstance"

TLS_PARAMETER = "rds.force_ssl"
"""PostgreSQL's. Any other engine is a finding until this module knows its parameter."""


def _judge(template: Template) -> Iterator[Finding]:
    for cluster in template.of_type(CLUSTER):
        yield from _judge_parameters(template, cluster, group_property="DBClusterParameterGroupName")
    for instance in template.of_type(INSTANCE):
        # An instance of a cluster takes the cluster's parameters.
        if instance.at("DBClusterIdentifier") is None:
            yield from _judge_parameters(template, instance, group_property="DBParameterGroupName")


def _judge_parameters(template: Template, database: Resource, *, group_property: str) -> Iterator[Finding]:
    if "postgres" not in str(database.at("Engine")):
        yield database.finding("Engine")
        return
    match database.at(group_property):
        case {"Ref": str(name)} if name in template.resources:
            group = template.resources[name]
            # YAML and JSON have 1 too, and CloudFormation takes it.
            if str(group.at("Parameters", TLS_PARAMETER)) != "1":
                yield group.finding("Parameters", TLS_PARAMETER)
        case _:
            yield database.finding(group_property)


DATABASE_TLS = Rule(
    id="PCI-4.2.1-DatabaseTls",
    requirements=("2.2.7", "4.2.1"),
    asks=f"A database refuses connections without TLS: {TLS_PARAMETER} is 1 in a parameter group of its own stack.",
    remedy=f"Set {TLS_PARAMETER} to 1 in the parameter group, and name the group by reference.",
    types=(CLUSTER, INSTANCE),
    judge=_judge,
)
