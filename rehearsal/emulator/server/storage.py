"""Buckets: everything of AWS::S3::Bucket that the emulator's own handler drops, applied through the S3 API.

Object Lock, replication and lifecycle work for real once they are set. A bucket that still holds objects refuses to
be deleted, as on AWS, where the emulator's own handler would throw the objects away.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator.server import bucket_rules
from rehearsal.emulator.server.api import api
from rehearsal.emulator.server.bridge import Attributes, Completion, Properties

BUCKET = "AWS::S3::Bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One property of a bucket: the call that sets it, its argument, and the call that takes it away."""

    put: str
    argument: str
    translate: Callable[[Properties], Mapping[str, Any]] = dict
    clear: str | None = None
    cleared: Mapping[str, Any] | None = None  # the argument that clears it, where S3 has no call to take it away


SETTINGS = {  # in the order that S3 needs: replication and locks want versions
    "VersioningConfiguration": Setting(
        put="put_bucket_versioning", argument="VersioningConfiguration", cleared={"Status": "Suspended"}
    ),
    "BucketEncryption": Setting(
        put="put_bucket_encryption",
        argument="ServerSideEncryptionConfiguration",
        translate=bucket_rules.encryption,
        clear="delete_bucket_encryption",
    ),
    "OwnershipControls": Setting(
        put="put_bucket_ownership_controls",
        argument="OwnershipControls",
        clear="delete_bucket_ownership_controls",
    ),
    "ObjectLockConfiguration": Setting(
        put="put_object_lock_configuration",
        argument="ObjectLockConfiguration",
        cleared={"ObjectLockEnabled": "Enabled"},
    ),
    "LifecycleConfiguration": Setting(
        put="put_bucket_lifecycle_configuration",
        argument="LifecycleConfiguration",
        translate=bucket_rules.lifecycle,
        clear="delete_bucket_lifecycle",
    ),
    "LoggingConfiguration": Setting(
        put="put_bucket_logging", argument="BucketLoggingStatus", translate=bucket_rules.logging, cleared={}
    ),
    "ReplicationConfiguration": Setting(
        put="put_bucket_replication",
        argument="ReplicationConfiguration",
        translate=bucket_rules.replication,
        clear="delete_bucket_replication",
    ),
    "AccelerateConfiguration": Setting(
        put="put_bucket_accelerate_configuration",
        argument="AccelerateConfiguration",
        translate=lambda given: {"Status": given["AccelerationStatus"]},
        cleared={"Status": "Suspended"},
    ),
    "Tags": Setting(
        put="put_bucket_tagging",
        argument="Tagging",
        translate=lambda tags: {"TagSet": tags},
        clear="delete_bucket_tagging",
    ),
}


def _apply(bucket: str, old: Properties, new: Properties) -> Attributes:
    s3 = api("s3")
    old, new = _with_lock(old), _with_lock(new)
    for name, setting in SETTINGS.items():
        if new.get(name) == old.get(name):
            continue
        if name in new:
            getattr(s3, setting.put)(Bucket=bucket, **{setting.argument: setting.translate(new[name])})
        elif setting.clear:
            getattr(s3, setting.clear)(Bucket=bucket)
        else:
            getattr(s3, setting.put)(Bucket=bucket, **{setting.argument: setting.cleared})
    return {"DualStackDomainName": f"{bucket}.s3.dualstack.{s3.meta.region_name}.amazonaws.com"}


def _with_lock(properties: Properties) -> Properties:
    """A bucket may switch Object Lock on without a default retention."""
    if str(properties.get("ObjectLockEnabled")).lower() != "true":
        return properties
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}} | properties


def _delete(bucket: str, _properties: Properties) -> None:
    try:
        api("s3").delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


COMPLETIONS = {BUCKET: Completion(apply=_apply, delete=_delete)}
