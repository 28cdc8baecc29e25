"""Aurora: the secret of a managed master password, and global clusters. No PostgreSQL stands behind any of it."""

import json
import secrets
from collections.abc import MutableMapping
from typing import Any

from cdk_rehearsal.emulator.server.bridge import (
    Attributes,
    Completion,
    Handlers,
    Properties,
    ResourceType,
    api,
    boolean,
    given,
)

CLUSTER, INSTANCE = "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"
Clusters = MutableMapping[str, dict[str, Any]]


def complete(*, handlers: dict[str, Handlers], clusters: Clusters) -> None:
    """Complete the handlers of both types, for the clusters that the emulator knows."""

    def encrypt(cluster: str, _old: Properties, new: Properties) -> Attributes:
        clusters[cluster]["KmsKeyId"] = new.get("KmsKeyId", "")
        return {}

    def join(_instance: str, _old: Properties, new: Properties) -> Attributes:
        return _leave_one_writer(new)

    def leave(_instance: str, properties: Properties) -> None:
        _leave_one_writer(properties)

    def _leave_one_writer(properties: Properties) -> Attributes:
        members = clusters.get(properties.get("DBClusterIdentifier", ""), {}).get("DBClusterMembers", [])
        writer = next((one for one in members if one["IsClusterWriter"]), members[0] if members else None)
        for member in members:
            member["IsClusterWriter"] = member is writer
        return {}

    completions = {CLUSTER: Completion(apply=encrypt), INSTANCE: Completion(apply=join, after_delete=leave)}
    for name, completion in completions.items():
        handlers[name] = completion.handlers(handlers[name])


def _managed_secret(cluster: str) -> str:
    return f"rds!cluster-{cluster}"


def _apply_cluster(cluster: str, old: Properties, new: Properties) -> Attributes:
    """RDS keeps the master password in a secret of its own when the template asks it to."""
    managed, before = (boolean(each.get("ManageMasterUserPassword", False)) for each in (new, old))
    manager, name = api("secretsmanager"), _managed_secret(cluster)
    if before and not managed:
        manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    if not managed:
        return {}
    if not before:
        value = {"username": new["MasterUsername"], "password": secrets.token_urlsafe(24)}
        manager.create_secret(
            Name=name, SecretString=json.dumps(value), **given(new.get("MasterUserSecret", {}), "KmsKeyId")
        )
    return {"MasterUserSecret.SecretArn": manager.describe_secret(SecretId=name)["ARN"]}


def _delete_managed_secret(cluster: str, properties: Properties) -> None:
    if boolean(properties.get("ManageMasterUserPassword", False)):
        api("secretsmanager").delete_secret(SecretId=_managed_secret(cluster), ForceDeleteWithoutRecovery=True)


def _create_global_cluster(name: str, properties: Properties) -> tuple[str, Attributes]:
    name = properties.get("GlobalClusterIdentifier", name.lower())
    wanted = given(
        properties, "Engine", "EngineVersion", "SourceDBClusterIdentifier", "DatabaseName",
        "EngineLifecycleSupport", "DeletionProtection", "StorageEncrypted",
    )  # fmt: skip
    api("rds").create_global_cluster(GlobalClusterIdentifier=name, **wanted)
    return name, {}


def _update_global_cluster(name: str, _old: Properties, new: Properties) -> Attributes:
    wanted = {"DeletionProtection": False} | given(new, "DeletionProtection", "EngineVersion")
    api("rds").modify_global_cluster(GlobalClusterIdentifier=name, **wanted)
    return {}


def _delete_global_cluster(name: str, _properties: Properties) -> None:
    api("rds").delete_global_cluster(GlobalClusterIdentifier=name)


COMPLETIONS = {"AWS::RDS::DBCluster": Completion(apply=_apply_cluster, after_delete=_delete_managed_secret)}
RESOURCE_TYPES = {
    "AWS::RDS::GlobalCluster": ResourceType(
        create=_create_global_cluster,
        update=_update_global_cluster,
        delete=_delete_global_cluster,
        note="no PostgreSQL behind it",
    ),
}
