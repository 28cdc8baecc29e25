"""Rules for stored data: locked audit logs, TLS to databases, key rotation, log retention, deletion protection."""

from collections.abc import Iterator

from pipeline.guard.losses import STATEFUL
from pipeline.policy.rule import policy_rule
from pipeline.policy.template import Finding, Resource, Template, is_intrinsic, resolve
from stages.names import resource_name

BUCKET = "AWS::S3::Bucket"
CLUSTER = "AWS::RDS::DBCluster"
INSTANCE = "AWS::RDS::DBInstance"
KEY = "AWS::KMS::Key"
LOG_GROUPS = ("AWS::Logs::LogGroup", "Custom::LogRetention")
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"

RETENTION = ("ObjectLockConfiguration", "Rule", "DefaultRetention")

TLS_PARAMETER = "rds.force_ssl"
"""The parameter of PostgreSQL. Another engine is a finding until this module has its parameter."""

TWELVE_MONTHS = 365  # days (PCI DSS 10.5.1)
CRYPTOPERIOD_DAYS = 365  # the default rotation period of KMS
LOG_DAYS_WHERE_RETAINED = 400
"""The next period that CloudWatch Logs offers: 365 days are less than twelve months in a leap year."""

PROTECTION = {
    "AWS::DynamoDB::Table": "DeletionProtectionEnabled",
    CLUSTER: "DeletionProtection",
    INSTANCE: "DeletionProtection",
    "AWS::RDS::GlobalCluster": "DeletionProtection",
}
"""The deletion protection property of a resource type."""


@policy_rule(
    "PCI-10.3.2-AuditLogLocked",
    requirements=("10.3.2", "10.5.1"),
    description=f"An audit bucket locks objects; where data is retained, in compliance mode for {TWELVE_MONTHS} days.",
    fix="Use AuditBucket of payment_constructs/audit_log.py, with a literal bucket name.",
    types=(BUCKET,),
)
def _check_audit_buckets(template: Template) -> Iterator[Finding]:
    for bucket in template.of_type(BUCKET):
        name = bucket.at("BucketName")
        if is_intrinsic(name):
            # It may be the name of an audit bucket.
            yield bucket.finding("BucketName")
        elif _is_audit_bucket(template, name) or bucket.at("ObjectLockEnabled") not in (None, False):
            yield from _check_lock(bucket, retains_data=template.retains_data)


def _is_audit_bucket(template: Template, name: object) -> bool:
    # A bucket without a name is none: replication and the service use the name.
    return isinstance(name, str) and any(
        name.startswith(f"{resource_name('audit', environment)}-") for environment in template.environments
    )


def _check_lock(bucket: Resource, *, retains_data: bool) -> Iterator[Finding]:
    if bucket.at("ObjectLockEnabled") is not True:
        yield bucket.finding("ObjectLockEnabled")
    modes = ("COMPLIANCE",) if retains_data else ("COMPLIANCE", "GOVERNANCE")
    if bucket.at(*RETENTION, "Mode") not in modes:
        yield bucket.finding(*RETENTION, "Mode")
    # S3 accepts either days or years.
    days, years = bucket.at(*RETENTION, "Days"), bucket.at(*RETENTION, "Years")
    length = years * 365 if isinstance(years, int) else days
    if not isinstance(length, int) or length < (TWELVE_MONTHS if retains_data else 1):
        yield bucket.finding(*RETENTION, "Days" if years is None else "Years")


@policy_rule(
    "PCI-4.2.1-DatabaseTls",
    requirements=("2.2.7", "4.2.1"),
    description=f"A database rejects connections without TLS: {TLS_PARAMETER} is 1 in its parameter group.",
    fix=f"Set {TLS_PARAMETER} to 1 in a parameter group of the same stack, and refer to the group with Ref.",
    types=(CLUSTER, INSTANCE),
)
def _check_database_tls(template: Template) -> Iterator[Finding]:
    for cluster in template.of_type(CLUSTER):
        yield from _check_parameters(template, cluster, group_property="DBClusterParameterGroupName")
    for instance in template.of_type(INSTANCE):
        # An instance of a cluster uses the cluster's parameters.
        if instance.at("DBClusterIdentifier") is None:
            yield from _check_parameters(template, instance, group_property="DBParameterGroupName")


def _check_parameters(template: Template, database: Resource, *, group_property: str) -> Iterator[Finding]:
    if "postgres" not in str(database.at("Engine")):
        yield database.finding("Engine")
        return
    found = resolve(template, database.at(group_property))
    if found is None or found[0] is not template:
        yield database.finding(group_property)
    elif str(found[1].at("Parameters", TLS_PARAMETER)) != "1":  # CloudFormation accepts the number 1 too
        yield found[1].finding("Parameters", TLS_PARAMETER)


@policy_rule(
    "PCI-3.7.4-KeyRotation",
    description=f"A KMS key rotates automatically, at least every {CRYPTOPERIOD_DAYS} days.",
    fix="Use EncryptionKey of payment_constructs/keys.py, which rotates every year.",
    types=(KEY,),
)
def _check_key_rotation(template: Template) -> Iterator[Finding]:
    for key in template.of_type(KEY):
        if key.at("KeySpec") not in (None, "SYMMETRIC_DEFAULT"):
            # KMS does not rotate it: plan its replacement, and change this rule.
            yield key.finding("KeySpec")
            continue
        if key.at("EnableKeyRotation") is not True:
            yield key.finding("EnableKeyRotation")
        period = key.at("RotationPeriodInDays")
        if period is not None and not (isinstance(period, int) and period <= CRYPTOPERIOD_DAYS):
            yield key.finding("RotationPeriodInDays")


@policy_rule(
    "PCI-10.5.1-LogRetention",
    description=f"Log groups keep entries {TWELVE_MONTHS} days; {LOG_DAYS_WHERE_RETAINED} where data is retained.",
    fix="Use LogGroup of payment_constructs/logs.py, which keeps entries for 400 days.",
    types=LOG_GROUPS,
)
def _check_log_retention(template: Template) -> Iterator[Finding]:
    minimum = LOG_DAYS_WHERE_RETAINED if template.retains_data else TWELVE_MONTHS
    for log_group in template.of_type(*LOG_GROUPS):
        days = log_group.at("RetentionInDays")
        # Without a value, entries never expire. The PCI pack reports that; this rule does not.
        if days is not None and not (isinstance(days, int) and days >= minimum):
            yield log_group.finding("RetentionInDays")


@policy_rule(
    "PCI-10.5.1-DataRetained",
    requirements=("10.3.2", "10.5.1"),
    description="Where data is retained, its resources outlive their stack and have deletion protection.",
    fix="Pass the environment's retain setting to the construct, for its removal policy (RETAIN_ON_UPDATE_OR_DELETE, "
    "or SNAPSHOT for a database) and deletion protection.",
    types=(*sorted(STATEFUL), LOAD_BALANCER),
)
def _check_deletion(template: Template) -> Iterator[Finding]:
    if not template.retains_data:
        return
    for resource in template.of_type(*STATEFUL):
        # An instance of a cluster stores nothing itself.
        if resource.type.endswith("::DBInstance") and resource.at("DBClusterIdentifier") is not None:
            continue
        for policy, kept in (("DeletionPolicy", "RetainExceptOnCreate"), ("UpdateReplacePolicy", "Retain")):
            value = resource.definition.get(policy)
            if value not in (kept, "Snapshot"):
                yield Finding(logical_id=resource.logical_id, location=policy, value=value)
        if resource.type in PROTECTION and resource.at(PROTECTION[resource.type]) is not True:
            yield resource.finding(PROTECTION[resource.type])
    for table in template.of_type(GLOBAL_TABLE):
        for replica in table.items("Replicas"):
            if replica.at("DeletionProtectionEnabled") is not True:
                yield replica.finding("DeletionProtectionEnabled")
    for balancer in template.of_type(LOAD_BALANCER):
        attributes = [(each.at("Key"), each.at("Value")) for each in balancer.items("LoadBalancerAttributes")]
        if ("deletion_protection.enabled", "true") not in attributes:
            yield balancer.finding("LoadBalancerAttributes")


@policy_rule(
    "PCI-6.5.1-CreationRepeatable",
    description="A failed creation leaves no resource behind, whose name would block the next try.",
    fix="Use RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE instead of RETAIN.",
    types=tuple(sorted(STATEFUL)),  # those that are retained here; the rule checks every type
)
def _check_creation(template: Template) -> Iterator[Finding]:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    for resource in template.resources.values():
        if resource.definition.get("DeletionPolicy") == "Retain":
            yield Finding(logical_id=resource.logical_id, location="DeletionPolicy", value="Retain")
