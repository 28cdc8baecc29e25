"""Replication between regions as it is on AWS: it waits for a region that fails, and hands the lock of an object on.

The emulator replicates at once, whatever becomes of a region, and leaves a replica without its source's retention.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region, request_scope

from cdk_rehearsal.emulator.server import outage
from cdk_rehearsal.emulator.server.bridge import Attributes, Completion, Properties, api, given


def encryption(configuration: Properties) -> dict[str, Any]:
    """BucketEncryption."""
    rules = []
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        translated = given(rule, "BucketKeyEnabled")
        if default := rule.get("ServerSideEncryptionByDefault"):
            translated["ApplyServerSideEncryptionByDefault"] = default
        rules.append(translated)
    return {"Rules": rules}


def lifecycle(configuration: Properties) -> dict[str, Any]:
    """LifecycleConfiguration."""
    return {"Rules": [_lifecycle_rule(rule) for rule in configuration["Rules"]]}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    translated = given(rule, "Status", "AbortIncompleteMultipartUpload") | {"Filter": _lifecycle_filter(rule)}
    if "Id" in rule:
        translated["ID"] = rule["Id"]
    expiration = renamed(
        rule,
        ExpirationInDays="Days",
        ExpirationDate="Date",
        ExpiredObjectDeleteMarker="ExpiredObjectDeleteMarker",
    )
    if expiration:
        translated["Expiration"] = expiration
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        translated["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        translated["NoncurrentVersionExpiration"] = noncurrent
    if transitions := rule.get("Transitions"):
        translated["Transitions"] = [
            renamed(each, TransitionInDays="Days", TransitionDate="Date", StorageClass="StorageClass")
            for each in transitions
        ]
    if transitions := rule.get("NoncurrentVersionTransitions"):
        translated["NoncurrentVersionTransitions"] = [
            renamed(
                each,
                TransitionInDays="NoncurrentDays",
                StorageClass="StorageClass",
                NewerNoncurrentVersions="NewerNoncurrentVersions",
            )
            for each in transitions
        ]
    return translated


def _lifecycle_filter(rule: Properties) -> dict[str, Any]:
    conditions = given(rule, "Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    tags = rule.get("TagFilters", [])
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | ({"Tags": tags} if tags else {})}
    return {"Tag": tags[0]} if tags else conditions or {"Prefix": ""}


def replication(configuration: Properties) -> dict[str, Any]:
    """ReplicationConfiguration."""
    return {
        "Role": configuration["Role"],
        "Rules": [_replication_rule(rule) for rule in configuration["Rules"]],
    }


def _replication_rule(rule: Properties) -> dict[str, Any]:
    translated = {name: value for name, value in rule.items() if name not in ("Id", "Filter")}
    if "Id" in rule:
        translated["ID"] = rule["Id"]
    if "Filter" in rule:
        chosen = renamed(rule["Filter"], TagFilter="Tag", Prefix="Prefix", And="And")
        if "And" in chosen:
            chosen["And"] = renamed(chosen["And"], TagFilters="Tags", Prefix="Prefix")
        translated["Filter"] = chosen or {"Prefix": ""}
    return translated


def logging(configuration: Properties) -> dict[str, Any]:
    """LoggingConfiguration; without a bucket of its own, a bucket logs into itself, which S3 has no word for."""
    if "DestinationBucketName" not in configuration:
        return {}
    target = renamed(configuration, DestinationBucketName="TargetBucket", TargetObjectKeyFormat="TargetObjectKeyFormat")
    return {"LoggingEnabled": target | {"TargetPrefix": configuration.get("LogFilePrefix", "")}}


def renamed(properties: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """The properties that are there, under their new names."""
    return {new: properties[old] for old, new in names.items() if old in properties}


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
        translate=encryption,
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
        translate=lifecycle,
        clear="delete_bucket_lifecycle",
    ),
    "LoggingConfiguration": Setting(
        put="put_bucket_logging", argument="BucketLoggingStatus", translate=logging, cleared={}
    ),
    "ReplicationConfiguration": Setting(
        put="put_bucket_replication",
        argument="ReplicationConfiguration",
        translate=replication,
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


Replicate = Callable[..., None]


def items(replicate: Replicate, *, tables: Any) -> Replicate:
    """DynamoDB's replication of one write. While regions are apart the last write to an item wins, as on AWS.

    Of a table with more than two regions, none gets a write before all are well.
    """
    waiting: dict[tuple[str, str, str], tuple[str, str, Any, Any]] = {}

    def write(table: Any, event_name: str, old_item: Any, new_item: Any) -> None:
        if not outage.cut_off(*table.get("_global_regions", [])):
            replicate(table, event_name, old_item, new_item)
            return
        written = new_item if new_item is not None else old_item
        key = repr([written.get(name) for name in (table["pk_name"], table["sk_name"]) if name])
        waiting[get_account_id(), table["TableName"], key] = (get_region(), event_name, old_item, deepcopy(new_item))

    def arrive() -> None:
        for (account, name, _), (region, *change) in waiting.items():
            with request_scope(account, region):
                if table := tables.get(name):
                    replicate(table, *change)
        waiting.clear()

    outage.arriving(arrive)
    return write


class Objects:
    """S3's replication of objects and of delete markers.

    Args:
        s3: The emulator's service.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._replicate, self._replicate_marker = s3._maybe_replicate, s3._maybe_replicate_delete_marker
        self._apply_lock = s3._apply_object_lock_from_headers
        self._waiting: list[tuple[str, str, Replicate, tuple[Any, ...]]] = []
        outage.arriving(self._arrive)

    def install(self) -> None:
        """Take the place of the emulator's own functions."""
        self._s3._maybe_replicate, self._s3._maybe_replicate_delete_marker = self.replicate, self.replicate_marker
        self._s3._apply_object_lock_from_headers = self.apply_lock

    def replicate(self, bucket_name: str, key: str, obj: Any, data: Any, tags: Any = None) -> None:
        """An object that was written; the version is cut, and its lock set, after this."""
        if self._cut_off(bucket_name):
            obj["replication_status"] = "PENDING"
            self._wait(self._replicate, bucket_name, key, obj, data, tags)
        else:
            self._replicate(bucket_name, key, obj, data, tags)

    def replicate_marker(self, bucket_name: str, key: str) -> None:
        """An object that was deleted, with its versions kept."""
        if self._cut_off(bucket_name):
            self._wait(self._replicate_marker, bucket_name, key)
        else:
            self._replicate_marker(bucket_name, key)

    def apply_lock(self, bucket_name: str, key: str, headers: Any, version_id: Any) -> None:
        """The lock of an object that was written, and of its replica."""
        self._apply_lock(bucket_name, key, headers, version_id)
        self._hand_on_lock(bucket_name, key, self._s3._buckets[bucket_name]["objects"][key])

    def _hand_on_lock(self, bucket: str, key: str, record: Any) -> None:
        if "_replica" not in record:
            return
        replica_bucket, replica_version, account = record["_replica"]
        retention = self._s3._object_retention.get((bucket, key, record.get("version_id")))
        if retention and self._s3._bucket_object_lock.get(replica_bucket):
            with request_scope(account, get_region()):
                self._s3._object_retention[replica_bucket, key, replica_version] = deepcopy(retention)

    def _cut_off(self, bucket: str) -> bool:
        rules = (self._s3._bucket_replication.get(bucket) or {}).get("Rules", [])
        names = [bucket, *(rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules)]
        return bool(rules) and outage.cut_off(*filter(None, map(self._s3.bucket_region, names)))

    def _wait(self, replicate: Replicate, *arguments: Any) -> None:
        self._waiting.append((get_account_id(), get_region(), replicate, arguments))

    def _arrive(self) -> None:
        waiting, self._waiting = self._waiting, []
        for account, region, replicate, (bucket, key, *rest) in waiting:
            with request_scope(account, region):
                replicate(bucket, key, *rest)
                if rest:
                    self._hand_on_lock(bucket, key, rest[0])
