"""Resources that hold data: where the environment retains data, they outlive their stack."""

from collections.abc import Iterator

from pipeline.policy.template import Finding, Resource, Rule, Template, is_intrinsic
from stages.names import resource_name

BUCKET = "AWS::S3::Bucket"

LOCK_DAYS_WHERE_RETAINED = 365
"""Twelve months (PCI DSS 10.5.1)."""

RETENTION = ("ObjectLockConfiguration", "Rule", "DefaultRetention")


def _judge_audit_buckets(template: Template) -> Iterator[Finding]:
    for bucket in template.of_type(BUCKET):
        name = bucket.at("BucketName")
        if is_intrinsic(name):
            # It could be an audit log's.
            yield bucket.finding("BucketName")
        elif _is_audit_log(template, name) or bucket.at("ObjectLockEnabled") not in (None, False):
            yield from _judge_lock(bucket, retains_data=template.retains_data)


def _is_audit_log(template: Template, name: object) -> bool:
    # A bucket without a name is none: replication and the service are told the log's name.
    return isinstance(name, str) and any(
        name.startswith(f"{resource_name('audit', environment)}-") for environment in template.environments
    )


def _judge_lock(bucket: Resource, *, retains_data: bool) -> Iterator[Finding]:
    if bucket.at("ObjectLockEnabled") is not True:
        yield bucket.finding("ObjectLockEnabled")
    modes = ("COMPLIANCE",) if retains_data else ("COMPLIANCE", "GOVERNANCE")
    if bucket.at(*RETENTION, "Mode") not in modes:
        yield bucket.finding(*RETENTION, "Mode")
    days, years = bucket.at(*RETENTION, "Days"), bucket.at(*RETENTION, "Years")
    # S3 takes one of them.
    length = years * 365 if isinstance(years, int) else days
    if not isinstance(length, int) or length < (LOCK_DAYS_WHERE_RETAINED if retains_data else 1):
        yield bucket.finding(*RETENTION, "Days" if years is None else "Years")


AUDIT_LOG_LOCKED = Rule(
    id="PCI-10.3.2-AuditLogLocked",
    requirements=("10.3.2", "10.5.1"),
    asks=(
        "An audit bucket locks each object by default; "
        f"where data is retained, in compliance mode for at least {LOCK_DAYS_WHERE_RETAINED} days."
    ),
    remedy="Use payment_constructs.AuditBucket, and give the bucket a name that is spelled out.",
    types=(BUCKET,),
    judge=_judge_audit_buckets,
)


CLUSTER = "AWS::RDS::DBCluster"
INSTANCE = "AWS::RDS::DBInstance"

TLS_PARAMETER = "rds.force_ssl"
"""PostgreSQL's. Any other engine is a finding until this module knows its parameter."""


def _judge_database_connections(template: Template) -> Iterator[Finding]:
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
    judge=_judge_database_connections,
)


KEY = "AWS::KMS::Key"

CRYPTOPERIOD_DAYS = 365
"""KMS's own period, where none is given."""


def _judge_encryption_keys(template: Template) -> Iterator[Finding]:
    for key in template.of_type(KEY):
        if key.at("KeySpec") not in (None, "SYMMETRIC_DEFAULT"):
            # KMS cannot rotate it: its end has to be planned, and this rule told.
            yield key.finding("KeySpec")
            continue
        if key.at("EnableKeyRotation") is not True:
            yield key.finding("EnableKeyRotation")
        period = key.at("RotationPeriodInDays")
        if period is not None and not (isinstance(period, int) and period <= CRYPTOPERIOD_DAYS):
            yield key.finding("RotationPeriodInDays")


KEY_ROTATION = Rule(
    id="PCI-3.7.4-KeyRotation",
    requirements=("3.7.4",),
    asks=f"A KMS key rotates by itself, every {CRYPTOPERIOD_DAYS} days or more often.",
    remedy="Use payment_constructs.EncryptionKey, which rotates every year.",
    types=(KEY,),
    judge=_judge_encryption_keys,
)


TYPES = ("AWS::Logs::LogGroup", "Custom::LogRetention")

DAYS = 365
"""Twelve months."""

LOG_DAYS_WHERE_RETAINED = 400
"""CloudWatch's next step above 365, which in a leap year are not twelve months."""


def _judge_log_groups(template: Template) -> Iterator[Finding]:
    least = LOG_DAYS_WHERE_RETAINED if template.retains_data else DAYS
    for log_group in template.of_type(*TYPES):
        match log_group.at("RetentionInDays"):
            case None:
                # Without an end. The PCI pack objects to that, and this rule does not.
                continue
            case int(days) if days >= least:
                continue
            case _:
                yield log_group.finding("RetentionInDays")


LOG_RETENTION = Rule(
    id="PCI-10.5.1-LogRetention",
    requirements=("10.5.1",),
    asks=f"Log groups keep their entries for {DAYS} days, where data is retained for {LOG_DAYS_WHERE_RETAINED}.",
    remedy="Use payment_constructs.LogGroup, which keeps entries for 400 days.",
    types=TYPES,
    judge=_judge_log_groups,
)


GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"

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


def _judge_stateful_resources(template: Template) -> Iterator[Finding]:
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
    judge=_judge_stateful_resources,
)
