"""What docs/platform.svg shows: the last environment's resources and connections, and settings of every environment."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tools.pictures.assembly import Stack

HIDDEN = re.compile(
    r"Custom::|AWS::(ApplicationAutoScaling|Backup::Backup(Plan|Selection)|EC2::(EIP|FlowLog|InternetGateway|Route"
    r"|SecurityGroup|Subnet|VPCGatewayAttachment|VPCPeeringConnection)|ECS::(Cluster|TaskDefinition)"
    r"|ElasticLoadBalancingV2::(Listener|TargetGroup)|Events::Rule|IAM|Lambda::Permission|Logs|RDS::DB(ClusterParameter|Subnet)Group|\w+::\w+Policy$"
    r"|SNS::Subscription|SecretsManager::RotationSchedule|WAFv2::(LoggingConfiguration|WebACLAssociation))"
)
"""Types that are not drawn themselves; fields and arrows show properties of some."""
COUNTED = re.compile(r"AWS::.*::(Alarm|CompositeAlarm|DBInstance|Dashboard|Key|NatGateway|Parameter)$")
"""Types of which the picture shows the number. It draws every other resource."""
CONNECTIONS = {
    "backup": ("Backup::BackupSelection", "BackupSelection"),
    "firewall": ("WAFv2::WebACLAssociation", "ResourceArn"),
    "redrive": ("SQS::Queue", "RedrivePolicy"),
    "rotation": ("SecretsManager::RotationSchedule", "SecretId"),
}
STORES = re.compile(r"AWS::(Backup::BackupVault|DynamoDB::GlobalTable|S3::Bucket|SQS::Queue|SecretsManager::Secret)$")
# Fields of the last environment, and of each: a resource type of the payment stack, and one of its properties
SETTINGS = {
    "backup_days": "Backup::BackupPlan BackupPlan.BackupPlanRule.0.Lifecycle.DeleteAfterDays",
    "dr_backup_days": "Backup::BackupPlan BackupPlan.BackupPlanRule.0.CopyActions.0.Lifecycle.DeleteAfterDays",
    "engine": "RDS::DBCluster EngineVersion",
    "listener": "ElasticLoadBalancingV2::Listener Protocol",
    "log_days": "S3::Bucket LifecycleConfiguration.Rules.0.ExpirationInDays",
    "port": "ElasticLoadBalancingV2::Listener Port",
    "receives": "SQS::Queue RedrivePolicy.maxReceiveCount",
    "replica_minutes": "S3::Bucket ReplicationConfiguration.Rules.0.Destination.ReplicationTime.Time.Minutes",
    "rotation_days": "SecretsManager::RotationSchedule RotationRules.AutomaticallyAfterDays",
    "task_cpu": "ECS::TaskDefinition Cpu",
    "task_memory": "ECS::TaskDefinition Memory",
    "zones": "EC2::Subnet AvailabilityZone",
}
COLUMN = {
    "audit_days": "S3::Bucket ObjectLockConfiguration.Rule.DefaultRetention.Days",
    "cidr": "EC2::VPC CidrBlock",
    "instance": "RDS::DBInstance DBInstanceClass",
    "max_tasks": "ApplicationAutoScaling::ScalableTarget MaxCapacity",
    "min_tasks": "ApplicationAutoScaling::ScalableTarget MinCapacity",
    "peer": "EC2::VPCPeeringConnection PeerVpcId.Fn::GetStackOutput.StackName",
    "protection": "RDS::DBCluster DeletionProtection",
    "restore_days": "RDS::DBCluster BackupRetentionPeriod",
}


def platform(stacks: Mapping[str, Stack]) -> tuple[dict[str, str], list[str]]:
    """The fields and the facts: environments, construct paths of resources, and `connection:construct path`."""
    (pipeline,) = (each for stack in stacks.values() for each in stack.of("CodePipeline::Pipeline"))
    names = [stage["Name"] for stage in pipeline["Stages"] if f"{stage['Name']}-Payment" in stacks]
    payment, recovery = stacks[f"{names[-1]}-Payment"], stacks[f"{names[-1]}-DisasterRecovery"]
    facts = [f"environment:{name}" for name in names] + list(_connections(payment, recovery.region))
    fields = {name: _setting(payment, where) for name, where in SETTINGS.items()}
    for name in names:
        fields |= {f"{name}_{key}".lower(): _setting(stacks[f"{name}-Payment"], at) for key, at in COLUMN.items()}
    for stack, prefix in ((payment, ""), (recovery, "dr_")):
        types = {each: resource["Type"] for each, resource in stack.resources.items()}
        counts = Counter(counted[1].lower() for kind in types.values() if (counted := COUNTED.match(kind)))
        fields |= {f"{prefix}region": stack.region} | {f"{prefix}{name}s": str(n) for name, n in counts.items()}
        facts += [stack.path(each) for each, kind in types.items() if not (HIDDEN.match(kind) or COUNTED.match(kind))]
    return fields, facts


def _setting(stack: Stack, where: str) -> str:
    """What the resources of a type have at one point of their properties."""
    resource_type, _, keys = where.partition(" ")
    values: list[Any] = list(stack.of(resource_type))
    for key in keys.split("."):
        values = [each[int(key)] if isinstance(each, list) else each.get(key) for each in values]
        values = [each for each in values if each is not None]
    return ", ".join(sorted({str(each) for each in values})) or "none"


def _connections(stack: Stack, dr_region: str) -> Iterator[str]:
    """The arrows, and which stores have a replica in the DR region."""
    for label, (resource_type, key) in CONNECTIONS.items():
        for target in stack.references([each.get(key) for each in stack.of(resource_type)]):
            if not HIDDEN.match(stack.resources[target]["Type"]):
                yield f"{label}:{stack.path(target)}"
    for rule in stack.of("EC2::SecurityGroupIngress"):
        yield "ingress:" + ">".join(stack.path(each) for each in reversed(stack.references(rule)))
    role, *_ = stack.references([task["TaskRoleArn"] for task in stack.of("ECS::TaskDefinition")])
    policies = [stack.resources[each] for each in stack.references(stack.resources[role])]
    buckets = [each["Bucket"] for each in stack.of("S3::BucketPolicy") if role in stack.references(each)]
    used = stack.references([stack.of("ECS::TaskDefinition"), policies, buckets])
    gates, backups = json.dumps(stack.of("ECS::Service")), json.dumps(stack.of("Backup::BackupPlan"))
    for each, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        if STORES.match(resource["Type"]):
            copies = backups if resource["Type"] == "AWS::Backup::BackupVault" else json.dumps(properties)
            yield f"{'replica' if dr_region in copies else 'no-replica'}:{stack.path(each)}"
            yield from [f"used:{stack.path(each)}"] * (each in used)
        if f'"{properties.get("AlarmName")}"' in gates:
            yield f"gate:{stack.path(each)}"
