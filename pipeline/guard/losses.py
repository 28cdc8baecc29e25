"""Losses of stored data, as guard, plan and upgrade check judge them: deleted, replaced, or kept less well in place.

The guard's Lambda function contains this module: it imports nothing but the standard library.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import inf
from typing import Any, NamedTuple

NESTED = frozenset({"AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet"})
"""The types whose own changes neither a change set nor a template shows."""

STATEFUL = frozenset(
    {
        "AWS::Backup::BackupVault",
        "AWS::CloudFormation::Stack",
        "AWS::Cognito::UserPool",
        "AWS::DocDB::DBCluster",
        "AWS::DocDB::DBInstance",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::EC2::Volume",
        "AWS::EFS::FileSystem",
        "AWS::EMR::Cluster",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::Elasticsearch::Domain",
        "AWS::FSx::FileSystem",
        "AWS::KMS::Key",
        "AWS::KMS::ReplicaKey",
        "AWS::Kinesis::Stream",
        "AWS::Logs::LogGroup",
        "AWS::Neptune::DBCluster",
        "AWS::Neptune::DBInstance",
        "AWS::OpenSearchService::Domain",
        "AWS::Organizations::Account",
        "AWS::QLDB::Ledger",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::RDS::GlobalCluster",
        "AWS::Redshift::Cluster",
        "AWS::S3::Bucket",
        "AWS::SDB::Domain",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
"""The types whose resources contain data that no deployment can restore.

AWS's own list, as cfn-lint ships it, with KMS's replica keys and RDS's global clusters; a test compares them.
"""

BACKUPS = frozenset({"AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection"})
"""The types whose resources contain no data, but without which it is no longer backed up."""

_OFF, _ON = 0, 1  # what a resource has whose template does not set the property
_PLAN = "BackupPlan/BackupPlanRule/*"
_RETENTION = "ObjectLockConfiguration/Rule/DefaultRetention"
_RECOVERY = "PointInTimeRecoverySpecification"
_TABLE = {
    "DeletionProtectionEnabled": _OFF,
    f"{_RECOVERY}/PointInTimeRecoveryEnabled": _OFF,
    f"{_RECOVERY}/RecoveryPeriodInDays": 35,
}
_CLUSTER = {"BackupRetentionPeriod": 1, "DeletionProtection": _OFF}
_KEY = {"Enabled": _ON, "PendingWindowInDays": 30}

KEPT: Mapping[str, Mapping[str, float]] = {
    "AWS::Backup::BackupPlan": {
        _PLAN: _OFF,
        f"{_PLAN}/CopyActions/*": _OFF,
        f"{_PLAN}/CopyActions/*/Lifecycle/DeleteAfterDays": inf,
        f"{_PLAN}/EnableContinuousBackup": _OFF,
        f"{_PLAN}/Lifecycle/DeleteAfterDays": inf,
    },
    "AWS::Backup::BackupSelection": {"BackupSelection/Resources/*": _OFF},
    "AWS::Backup::BackupVault": {"LockConfiguration/MinRetentionDays": 0},
    "AWS::Cognito::UserPool": {"DeletionProtection": _OFF},
    "AWS::DocDB::DBCluster": _CLUSTER,
    "AWS::DynamoDB::GlobalTable": {"Replicas/*": _OFF, **{f"Replicas/*/{path}": most for path, most in _TABLE.items()}},
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::EFS::FileSystem": {
        "BackupPolicy/Status": _OFF,
        "FileSystemProtection/ReplicationOverwriteProtection": _ON,
        "ReplicationConfiguration/Destinations/*": _OFF,
    },
    "AWS::ElastiCache::CacheCluster": {"NumCacheNodes": 1, "SnapshotRetentionLimit": 0},
    "AWS::ElastiCache::ReplicationGroup": {
        "NodeGroupConfiguration/*/ReplicaCount": 0,
        "NumCacheClusters": 1,
        "NumNodeGroups": 1,
        "ReplicasPerNodeGroup": 0,
        "SnapshotRetentionLimit": 0,
    },
    "AWS::FSx::FileSystem": {
        f"{kind}Configuration/AutomaticBackupRetentionDays": 30 for kind in ("Lustre", "Ontap", "OpenZFS", "Windows")
    },
    "AWS::KMS::Key": _KEY,
    "AWS::KMS::ReplicaKey": _KEY,
    "AWS::Kinesis::Stream": {"RetentionPeriodHours": 24},
    "AWS::Logs::LogGroup": {"DeletionProtectionEnabled": _OFF, "RetentionInDays": inf},
    "AWS::Neptune::DBCluster": _CLUSTER,
    "AWS::QLDB::Ledger": {"DeletionProtection": _ON},
    "AWS::RDS::DBCluster": {**_CLUSTER, "BacktrackWindow": 0},
    "AWS::RDS::DBInstance": {**_CLUSTER, "AutomaticBackupReplicationRetentionPeriod": 0},
    "AWS::RDS::GlobalCluster": {"DeletionProtection": _OFF},
    "AWS::Redshift::Cluster": {
        "AutomatedSnapshotRetentionPeriod": 1,
        "ManualSnapshotRetentionPeriod": inf,
        "SnapshotCopyRetentionPeriod": 7,
    },
    "AWS::S3::Bucket": {
        f"{_RETENTION}/Days": 0,
        f"{_RETENTION}/Mode": 0,
        f"{_RETENTION}/Years": 0,
        "ReplicationConfiguration/Rules/*": _OFF,
        "ReplicationConfiguration/Rules/*/Status": _OFF,
        "VersioningConfiguration/Status": _OFF,
    },
    "AWS::SQS::Queue": {"MessageRetentionPeriod": 345_600},
    "AWS::SecretsManager::Secret": {"ReplicaRegions/*": _OFF},
}
"""The properties of which less keeps less data, or protects it less, with what a resource has that does not set them.

A path that ends in ``*`` is each item of a list.
"""

_WORDS = {"active": 1, "enabled": 1, "true": 1, "governance": 1, "compliance": 2}
_WORDS |= {"disabled": 0, "false": 0, "inactive": 0, "suspended": 0}
_IDENTITIES = ("Id", "Region", "RuleName", "DestinationBackupVaultArn")
_EXPIRES = ("ExpirationDate", "ExpirationInDays", "NoncurrentVersionExpiration", "NoncurrentVersionExpirationInDays")
_NO_EXPIRY = (
    *("Id", "Status", "AbortIncompleteMultipartUpload", "ExpiredObjectDeleteMarker"),
    *("NoncurrentVersionTransition", "NoncurrentVersionTransitions", "Transition", "Transitions"),
)
_OUTLIVES = {"Delete": 0, "Snapshot": 1, "Retain": 2, "RetainExceptOnCreate": 2}

DELETE = "Delete"
"""Replaces the property in an allowed change: the resource is removed from its stack."""

ALLOWED = "AllowedChanges"
"""The metadata of a template with the changes that its release allows.

That of the change set's own template counts: an earlier release must not allow a change of a later one.
"""

SETTING = "delivery.allowed_changes in cdk.json"


class Loss(NamedTuple):
    """A resource that a change deletes, replaces, removes from its stack, or keeps less well."""

    stack: str
    logical_id: str
    resource_type: str
    words: str  # the effect
    causes: tuple[str, ...]  # properties, or DELETE


def deleted(stack: str, logical_id: str, resource_type: str, *, retained: bool = False) -> Iterator[Loss]:
    """A resource that the new template no longer has."""
    if resource_type in STATEFUL | NESTED | BACKUPS:
        words = "would leave the stack and remain unmanaged" if retained else "would be deleted"
        yield Loss(stack, logical_id, resource_type, words, (DELETE,))


def replaced(
    stack: str, logical_id: str, resource_type: str, *, causes: Iterable[str], certain: bool
) -> Iterator[Loss]:
    """A resource that a change of properties replaces, without its data."""
    if resource_type in STATEFUL | NESTED:
        words = "would be replaced by an empty one" if certain else "may be replaced by an empty one"
        yield Loss(stack, logical_id, resource_type, words, tuple(causes))


def weakened(stack: str, logical_id: str, resource_type: str, *, causes: Iterable[str]) -> Iterator[Loss]:
    """A resource that remains, with properties that keep less of its data or protect it less."""
    if found := tuple(causes):
        yield Loss(stack, logical_id, resource_type, "would keep less data, or protect it less", found)


def faults(losses: Iterable[Loss], *, allowed: Collection[str]) -> Iterator[str]:
    """A sentence for each loss that is not allowed, with the setting that would allow it."""
    for loss in losses:
        wanted = [f"{loss.stack}/{loss.logical_id}/{cause}" for cause in loss.causes]
        if missing := [entry for entry in wanted if entry not in allowed]:
            because = "" if loss.causes == (DELETE,) else f", because of {', '.join(loss.causes)}"
            yield (
                f"{loss.stack}: {loss.logical_id} ({loss.resource_type}) {loss.words}{because}. "
                f"To allow it, add {quoted(missing)} to {SETTING}."
            )


def hidden(stack: str, logical_id: str, resource_type: str) -> Iterator[str]:
    """A sentence if the resource is a nested stack, which no setting allows."""
    if resource_type in NESTED:
        yield (
            f"{stack}: {logical_id} ({resource_type}) is a nested stack, and the change set does not show what changes "
            "in it. Make it a stack of its own in the Stage."
        )


def quoted(entries: Iterable[str]) -> str:
    """The entries as JSON has them in a list."""
    return ", ".join(json.dumps(entry) for entry in entries)


def resources(template: Mapping[str, Any]) -> dict[str, Any]:
    """The resources, in which every reference to a parameter contains the parameter's definition."""
    found: dict[str, Any] = _with_parameters(template.get("Resources", {}), template.get("Parameters", {}))
    return found


def _with_parameters(value: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_with_parameters(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in parameters:
        return {"Ref": value["Ref"], "Parameter": parameters[value["Ref"]]}
    return {key: _with_parameters(item, parameters) for key, item in value.items()}


def weaker(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The properties and attributes of a resource that keep less of its data, or protect it less, than before."""
    kind, before, after = old["Type"], old.get("Properties", {}), new.get("Properties", {})
    if new["Type"] != kind:  # a replacement
        return []
    found = {
        path.partition("/")[0] for path, missing in KEPT.get(kind, {}).items() if _less(path, before, after, missing)
    }
    if kind == "AWS::S3::Bucket" and any(_uncovered(before, after)):
        found.add("LifecycleConfiguration")
    if kind.startswith("AWS::DynamoDB::") and (ttl := _time_to_live(after)) and ttl != _time_to_live(before):
        found.add("TimeToLiveSpecification")
    policies = ("DeletionPolicy", "UpdateReplacePolicy") if kind in STATEFUL else ()
    return [*sorted(found), *(each for each in policies if _outlives(new, each) < _outlives(old, each))]


def _less(path: str, before: Any, after: Any, missing: float) -> bool:
    new = dict(_values(after, path.split("/")))
    return any(_is_less(value, new.get(item), missing) for item, value in _values(before, path.split("/")))


def _is_less(old: Any, new: Any, missing: float) -> bool:
    had, has = _amount(old, missing), _amount(new, missing)
    return old != new if had is None or has is None else has < had


def _values(value: Any, path: list[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The value at the end of a path in each item on it, by the items; None where it is not set.

    An intrinsic function on the path is the value: what is below it is unknown.
    """
    if value is None or not path or (isinstance(value, dict) and _is_intrinsic(value)):
        yield (), value
    elif path[0] != "*":
        yield from _values(value.get(path[0]) if isinstance(value, dict) else None, path[1:])
    else:
        for item in value if isinstance(value, list) else [value]:
            name = next((item[key] for key in _IDENTITIES if key in item), item) if isinstance(item, dict) else item
            for below, found in _values(item if path[1:] else _ON, path[1:]):
                yield (json.dumps(name, sort_keys=True), *below), found


def _is_intrinsic(value: Mapping[str, Any]) -> bool:
    return any(key == "Ref" or key.startswith("Fn::") for key in value)


def _amount(value: Any, missing: float) -> float | None:
    """A number of what is kept, which orders values; None if only the deployment knows it."""
    if value is None:
        return missing
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return None
    return inf if amount < 0 else amount  # Redshift's -1 is forever


def _uncovered(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each expiry of a bucket that is new, or sooner, or concerns other objects."""
    known = dict(_expiries(before))
    for (scope, kind), limits in _expiries(after):
        old = known.get((scope, kind))
        if old is None or any(_is_less(old.get(key), limits.get(key), 0) for key in limits.keys() | old.keys()):
            yield scope, kind


def _expiries(bucket: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """The limits of each expiry, by the objects that it concerns and its kind."""
    lifecycle = bucket.get("LifecycleConfiguration") or {}
    rules = lifecycle if _is_intrinsic(lifecycle) else lifecycle.get("Rules", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if _is_intrinsic(rule):  # it may expire anything
            yield (json.dumps(rule, sort_keys=True), ""), {}
        scope = {key: value for key, value in rule.items() if key not in (*_EXPIRES, *_NO_EXPIRY)}
        for kind in _EXPIRES:
            if kind in rule and rule.get("Status") != "Disabled":
                value = rule[kind]
                yield (json.dumps(scope, sort_keys=True), kind), value if isinstance(value, dict) else {"": value}


def _time_to_live(table: Mapping[str, Any]) -> Any:
    """The attribute by which a table deletes items; None if it deletes none."""
    specification = table.get("TimeToLiveSpecification") or {}
    enabled = specification.get("Enabled", True) if isinstance(specification, dict) else True
    return None if not specification or _amount(enabled, _ON) == 0 else specification


def _outlives(resource: Mapping[str, Any], policy: str) -> int:
    """How much remains after the deletion of a resource, or its replacement.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    own = resource["Type"] == "AWS::RDS::DBInstance" and "DBClusterIdentifier" not in resource.get("Properties", {})
    snapshot = policy == "DeletionPolicy" and (own or resource["Type"] == "AWS::RDS::DBCluster")
    return _OUTLIVES.get(resource.get(policy, "Snapshot" if snapshot else "Delete"), 0)
