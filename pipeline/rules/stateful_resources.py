"""Resources that hold data: where the environment retains data, they outlive their stack."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding, Resource
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template

GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
INSTANCE = "AWS::RDS::DBInstance"

STATEFUL = (
    "AWS::Backup::BackupVault",
    GLOBAL_TABLE,
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::RDS::DBCluster",
    INSTANCE,
    "AWS::RDS::GlobalCluster",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
)

PROTECTION = {
    "AWS::DynamoDB::Table": "DeletionProtectionEnabled",
    "AWS::RDS::DBCluster": "DeletionProtection",
    INSTANCE: "DeletionProtection",
    "AWS::RDS::GlobalCluster": "DeletionProtection",
}
"""The property by which a service itself refuses to delete."""


def _judge(template: Template) -> Iterator[Finding]:
    if not template.retains_data:
        return
    for resource in template.of_type(*STATEFUL):
        # An instance of a cluster holds nothing of its own.
        if resource.type == INSTANCE and resource.at("DBClusterIdentifier") is not None:
            continue
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            value = resource.definition.get(policy)
            if value not in ("Retain", "Snapshot"):
                yield Finding(logical_id=resource.logical_id, location=policy, value=value)
        if resource.type in PROTECTION and resource.at(PROTECTION[resource.type]) is not True:
            yield resource.finding(PROTECTION[resource.type])
    for table in template.of_type(GLOBAL_TABLE):
        for path in table.each("Replicas"):
            if table.at(*path, "DeletionProtectionEnabled") is not True:
                yield table.finding(*path, "DeletionProtectionEnabled")
    for balancer in template.of_type(LOAD_BALANCER):
        if not _is_protected(balancer):
            yield balancer.finding("LoadBalancerAttributes")


def _is_protected(balancer: Resource) -> bool:
    attributes = {
        balancer.at(*path, "Key"): balancer.at(*path, "Value")
        for path in balancer.each("LoadBalancerAttributes")
        if isinstance(balancer.at(*path, "Key"), str)
    }
    return attributes.get("deletion_protection.enabled") == "true"


DATA_RETAINED = Rule(
    id="PCI-10.5.1-DataRetained",
    requirements=("10.3.2", "10.5.1"),
    asks="Where data is retained, what holds data outlives its stack, and cannot be deleted by mistake.",
    remedy="Hand the environment's retain to the construct, for its removal policy and its deletion protection.",
    types=(*STATEFUL, LOAD_BALANCER),
    judge=_judge,
)
