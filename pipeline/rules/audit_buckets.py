"""Buckets that hold an audit log: locked, so that what was written cannot be changed."""

from collections.abc import Iterator

from pipeline.rules.resource import Finding, Resource, is_intrinsic
from pipeline.rules.rule import Rule
from pipeline.rules.template import Template
from stages.names import resource_name

BUCKET = "AWS::S3::Bucket"

DAYS_WHERE_RETAINED = 365
"""Twelve months (PCI DSS 10.5.1)."""

RETENTION = ("ObjectLockConfiguration", "Rule", "DefaultRetention")


def _judge(template: Template) -> Iterator[Finding]:
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
    if not isinstance(length, int) or length < (DAYS_WHERE_RETAINED if retains_data else 1):
        yield bucket.finding(*RETENTION, "Days" if years is None else "Years")


AUDIT_LOG_LOCKED = Rule(
    id="PCI-10.3.2-AuditLogLocked",
    requirements=("10.3.2", "10.5.1"),
    asks=(
        "An audit bucket locks each object by default; "
        f"where data is retained, in compliance mode for at least {DAYS_WHERE_RETAINED} days."
    ),
    remedy="Use payment_constructs.AuditBucket, and give the bucket a name that is spelled out.",
    types=(BUCKET,),
    judge=_judge,
)
