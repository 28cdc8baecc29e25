"""CloudFormation's words for a bucket's rules as the S3 API's words: the two differ only in names and nesting."""

from collections.abc import Mapping
from typing import Any

from rehearsal.emulator.server.bridge import Properties, given


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
