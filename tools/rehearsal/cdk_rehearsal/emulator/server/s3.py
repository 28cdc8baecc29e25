"""S3: the bucket properties that ministack's CloudFormation ignores, and replication as it is on AWS.

ministack replicates at once even when a region has failed, and gives a replica none of its source's retention.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id, get_region, request_scope

from cdk_rehearsal.emulator.server import outage
from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api, boolean, given


def _encryption(configuration: Properties) -> dict[str, Any]:
    rules = configuration["ServerSideEncryptionConfiguration"]
    default = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {"Rules": [given(rule, "BucketKeyEnabled", **default) for rule in rules]}


def _lifecycle(configuration: Properties) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in configuration["Rules"]]}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    translated = given(
        rule, "Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration", Id="ID"
    ) | {"Filter": _lifecycle_filter(rule)}  # fmt: skip
    expiration = given(rule, "ExpiredObjectDeleteMarker", ExpirationInDays="Days", ExpirationDate="Date")
    if expiration:
        translated["Expiration"] = expiration
    if days := rule.get("NoncurrentVersionExpirationInDays"):
        translated["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if transitions := rule.get("Transitions"):
        translated["Transitions"] = [
            given(each, "StorageClass", TransitionInDays="Days", TransitionDate="Date") for each in transitions
        ]
    if transitions := rule.get("NoncurrentVersionTransitions"):
        translated["NoncurrentVersionTransitions"] = [
            given(each, "StorageClass", "NewerNoncurrentVersions", TransitionInDays="NoncurrentDays")
            for each in transitions
        ]
    return translated


def _lifecycle_filter(rule: Properties) -> dict[str, Any]:
    conditions = given(rule, "Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    tags = rule.get("TagFilters", [])
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | ({"Tags": tags} if tags else {})}
    return {"Tag": tags[0]} if tags else conditions or {"Prefix": ""}


def _replication(configuration: Properties) -> dict[str, Any]:
    return given(configuration, "Role") | {"Rules": [_replication_rule(rule) for rule in configuration["Rules"]]}


def _replication_rule(rule: Properties) -> dict[str, Any]:
    translated = {name: value for name, value in rule.items() if name not in ("Id", "Filter")} | given(rule, Id="ID")
    if "Filter" in rule:
        chosen = given(rule["Filter"], "Prefix", "And", TagFilter="Tag")
        if "And" in chosen:
            chosen["And"] = given(chosen["And"], "Prefix", TagFilters="Tags")
        translated["Filter"] = chosen or {"Prefix": ""}
    return translated


def _logging(configuration: Properties) -> dict[str, Any]:
    """A bucket that logs into itself has no DestinationBucketName, which the S3 API cannot express."""
    if "DestinationBucketName" not in configuration:
        return {}
    target = given(configuration, "TargetObjectKeyFormat", DestinationBucketName="TargetBucket")
    return {"LoggingEnabled": target | {"TargetPrefix": configuration.get("LogFilePrefix", "")}}


class Setting(NamedTuple):
    """A bucket property: the call that sets it, the argument of the call, and how to clear it."""

    put: str
    argument: str
    translate: Callable[[Properties], Mapping[str, Any]] = dict
    clear: str = ""  # the call that removes it
    cleared: Mapping[str, Any] | None = None  # the argument that clears it, where S3 has no call to remove it


SETTINGS = {  # in the order that S3 needs: replication and Object Lock require versioning
    "VersioningConfiguration": Setting(
        "put_bucket_versioning", "VersioningConfiguration", cleared={"Status": "Suspended"}
    ),
    "BucketEncryption": Setting(
        "put_bucket_encryption", "ServerSideEncryptionConfiguration", _encryption, "delete_bucket_encryption"
    ),
    "OwnershipControls": Setting(
        "put_bucket_ownership_controls", "OwnershipControls", clear="delete_bucket_ownership_controls"
    ),
    "ObjectLockConfiguration": Setting(
        "put_object_lock_configuration", "ObjectLockConfiguration", cleared={"ObjectLockEnabled": "Enabled"}
    ),
    "LifecycleConfiguration": Setting(
        "put_bucket_lifecycle_configuration", "LifecycleConfiguration", _lifecycle, "delete_bucket_lifecycle"
    ),
    "LoggingConfiguration": Setting("put_bucket_logging", "BucketLoggingStatus", _logging, cleared={}),
    "ReplicationConfiguration": Setting(
        "put_bucket_replication", "ReplicationConfiguration", _replication, "delete_bucket_replication"
    ),
    "Tags": Setting("put_bucket_tagging", "Tagging", lambda tags: {"TagSet": tags}, "delete_bucket_tagging"),
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
    """Object Lock may be enabled without a default retention."""
    if not boolean(properties.get("ObjectLockEnabled")):
        return properties
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}} | properties


def _delete(bucket: str, _properties: Properties) -> None:
    try:
        api("s3").delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


_ALGORITHM, _KEY = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
ResolveEncryption = Callable[[Mapping[str, str], str], Any]


def with_default_key(resolve: ResolveEncryption) -> ResolveEncryption:
    """Ministack's function that reads the encryption headers of a write, with S3's default KMS key `aws/s3`.

    ministack refuses `aws:kms` without a key, which the CDK CLI sends when it uploads to the bucket of plain
    `cdk bootstrap`.
    """

    def resolve_with_default(headers: Mapping[str, str], bucket_name: str) -> Any:
        if headers.get(_ALGORITHM) == "aws:kms" and not headers.get(_KEY):
            headers = {**headers, _KEY: f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
        return resolve(headers, bucket_name)

    return resolve_with_default


COMPLETIONS = {"AWS::S3::Bucket": Completion(apply=_apply, delete=_delete)}


class Store(NamedTuple):
    """The parts of ministack's S3 that replication reads."""

    objects: Callable[[str], Mapping[str, Any]]  # bucket -> key -> record
    region: Callable[[str], str | None]  # of a bucket
    rules: Mapping[str, Any]  # bucket -> replication configuration
    locks: Mapping[str, Any]  # bucket -> Object Lock configuration
    retention: dict[tuple[str, str, Any], Any]  # bucket, key, version -> retention


Replicate = Callable[..., None]


class Replication:
    """Replication of objects and delete markers, which waits while a region of the rule is cut off or lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[str, str, Replicate, tuple[Any, ...]]] = []
        outage.when_restored(self._deliver)

    def waiting(self, replicate: Replicate) -> Replicate:
        """One of ministack's functions that replicate, with this waiting in front."""

        def replicate_later(bucket_name: str, key: str, *written: Any) -> None:
            if not self._cut_off(bucket_name):
                replicate(bucket_name, key, *written)
                return
            if written:  # an object's record; a delete marker has none
                written[0]["replication_status"] = "PENDING"
            self._waiting.append((get_account_id(), get_region(), replicate, (bucket_name, key, *written)))

        return replicate_later

    def locking(self, apply_lock: Replicate) -> Replicate:
        """Ministack's function that locks a new object, extended to its replica."""

        def lock(bucket_name: str, key: str, headers: Any, version_id: Any) -> None:
            apply_lock(bucket_name, key, headers, version_id)
            self._lock_replica(bucket_name, key, self._store.objects(bucket_name)[key])

        return lock

    def _lock_replica(self, bucket: str, key: str, record: Any) -> None:
        if "_replica" not in record:
            return
        replica_bucket, replica_version, account = record["_replica"]
        retention = self._store.retention.get((bucket, key, record.get("version_id")))
        if retention and self._store.locks.get(replica_bucket):
            with request_scope(account, get_region()):
                self._store.retention[replica_bucket, key, replica_version] = deepcopy(retention)

    def _cut_off(self, bucket: str) -> bool:
        rules = (self._store.rules.get(bucket) or {}).get("Rules", [])
        names = [bucket, *(rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules)]
        return bool(rules) and outage.cut_off(*filter(None, map(self._store.region, names)))

    def _deliver(self) -> None:
        waiting, self._waiting = self._waiting, []
        for account, region, replicate, (bucket, key, *written) in waiting:
            with request_scope(account, region):
                replicate(bucket, key, *written)
                if written:
                    self._lock_replica(bucket, key, written[0])
