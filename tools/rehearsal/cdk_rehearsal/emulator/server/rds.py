"""Aurora: the managed master password, the encryption key and the writer of a cluster. No PostgreSQL runs."""

import json
import secrets
from collections.abc import MutableMapping
from typing import Any

from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api, boolean, given

Clusters = MutableMapping[str, dict[str, Any]]


def completions(clusters: Clusters) -> dict[str, Completion]:
    """The completions of clusters and instances, for the cluster records of ministack."""

    def complete(cluster: str, old: Properties, new: Properties) -> Attributes:
        clusters[cluster]["KmsKeyId"] = new.get("KmsKeyId", "")
        return _apply_master_password(cluster, old, new)

    def keep_one_writer(properties: Properties) -> Attributes:
        members = clusters.get(properties.get("DBClusterIdentifier", ""), {}).get("DBClusterMembers", [])
        writer = next((one for one in members if one["IsClusterWriter"]), members[0] if members else None)
        for member in members:
            member["IsClusterWriter"] = member is writer
        return {}

    return {
        "AWS::RDS::DBCluster": Completion(apply=complete, after_delete=_delete_master_password),
        "AWS::RDS::DBInstance": Completion(
            apply=lambda _name, _old, new: keep_one_writer(new),
            after_delete=lambda _name, properties: keep_one_writer(properties),
        ),
    }


def _managed_secret(cluster: str) -> str:
    return f"rds!cluster-{cluster}"


def _apply_master_password(cluster: str, old: Properties, new: Properties) -> Attributes:
    """With ManageMasterUserPassword, RDS keeps the master password in a secret of its own."""
    managed, before = (boolean(each.get("ManageMasterUserPassword", False)) for each in (new, old))
    manager, name = api("secretsmanager"), _managed_secret(cluster)
    if before and not managed:
        manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    if not managed:
        return {}
    if not before:
        value = {"username": new["MasterUsername"], "password": secrets.token_urlsafe(24)}
        key = given(new.get("MasterUserSecret", {}), "KmsKeyId")
        manager.create_secret(Name=name, SecretString=json.dumps(value), **key)
    return {"MasterUserSecret.SecretArn": manager.describe_secret(SecretId=name)["ARN"]}


def _delete_master_password(cluster: str, properties: Properties) -> None:
    if boolean(properties.get("ManageMasterUserPassword", False)):
        api("secretsmanager").delete_secret(SecretId=_managed_secret(cluster), ForceDeleteWithoutRecovery=True)
