"""Aurora: master password, encryption key, endpoints and writer of a cluster, and the PostgreSQL server behind it."""

import hashlib
import json
import secrets
from collections.abc import MutableMapping
from typing import Any

from cdk_rehearsal.emulator.server.postgresql import Servers
from cdk_rehearsal.emulator.server.resource_types import Attributes, Completion, Properties, api, boolean, given

Record = dict[str, Any]
Clusters = MutableMapping[str, Record]
ENGINE = "aurora-postgresql"


def completions(clusters: Clusters, *, servers: Servers) -> dict[str, Completion]:
    """The completions of clusters and instances, for the cluster records of ministack."""

    def complete(cluster: str, old: Properties, new: Properties) -> Attributes:
        record = clusters[cluster]
        record |= endpoints(record) | {"KmsKeyId": new.get("KmsKeyId", "")}
        password, attributes = _apply_master_password(record, old, new)
        if not old:
            begin(record, servers=servers, password=password)
        elif password:
            servers.set_password(record["DBClusterArn"], master=record["MasterUsername"], password=password)
        return attributes | {"Endpoint.Address": record["Endpoint"], "ReadEndpoint.Address": record["ReaderEndpoint"]}

    def delete(cluster: str, _properties: Properties) -> None:
        if record := clusters.pop(cluster, None):
            servers.delete(record["DBClusterArn"])
            if record.get("MasterUserSecret"):
                forget_password(record)

    def keep_one_writer(properties: Properties) -> Attributes:
        members = clusters.get(properties.get("DBClusterIdentifier", ""), {}).get("DBClusterMembers", [])
        writer = next((one for one in members if one["IsClusterWriter"]), members[0] if members else None)
        for member in members:
            member["IsClusterWriter"] = member is writer
        return {}

    return {
        "AWS::RDS::DBCluster": Completion(apply=complete, delete=delete),
        "AWS::RDS::DBInstance": Completion(
            apply=lambda _name, _old, new: keep_one_writer(new),
            after_delete=lambda _name, properties: keep_one_writer(properties),
        ),
    }


def endpoints(record: Record) -> Record:
    """The endpoints of a cluster: as on AWS they follow from its name, for an account and region."""
    name: str = record["DBClusterIdentifier"]
    region, account = record["DBClusterArn"].split(":")[3:5]
    suffix = hashlib.sha256(f"{account} {region}".encode()).hexdigest()[:12]
    return {
        "Endpoint": f"{name}.cluster-{suffix}.{region}.rds.amazonaws.com",
        "ReaderEndpoint": f"{name}.cluster-ro-{suffix}.{region}.rds.amazonaws.com",
    }


def names(record: Record) -> tuple[str, ...]:
    """The names that the certificate of a cluster has."""
    return record["Endpoint"], record["ReaderEndpoint"]


def begin(record: Record, *, servers: Servers, password: str) -> None:
    """Start the PostgreSQL server of a new cluster."""
    if record["Engine"] == ENGINE and not servers.missing:
        servers.create(
            record["DBClusterArn"],
            names=names(record),
            port=record["Port"],
            master=record["MasterUsername"],
            password=password,
            database=record.get("DatabaseName") or "",
        )


def _apply_master_password(record: Record, old: Properties, new: Properties) -> tuple[str, Attributes]:
    """The new password, empty if it stays; with ManageMasterUserPassword, RDS keeps it in a secret of its own."""
    managed, before = (boolean(each.get("ManageMasterUserPassword", False)) for each in (new, old))
    if before and not managed:
        forget_password(record)
    if not managed:
        password = new.get("MasterUserPassword", "")
        return password if password != old.get("MasterUserPassword") else "", {}
    password = "" if before else manage_password(record, **given(new.get("MasterUserSecret", {}), "KmsKeyId"))
    return password, {"MasterUserSecret.SecretArn": record["MasterUserSecret"]["SecretArn"]}


def manage_password(record: Record, **key: str) -> str:
    """Create the secret of a master user, with a new password, and tag it as RDS does; returns the password."""
    password = secrets.token_urlsafe(24)
    value = {"username": record["MasterUsername"], "password": password}
    made = api("secretsmanager").create_secret(
        Name=f"rds!{record['DbClusterResourceId'].lower()}",
        SecretString=json.dumps(value),
        Tags=[{"Key": "aws:rds:primaryDBClusterArn", "Value": record["DBClusterArn"]}],
        **key,
    )
    record["MasterUserSecret"] = {"SecretArn": made["ARN"], "SecretStatus": "active"} | key
    return password


def forget_password(record: Record) -> None:
    """Delete the secret of a master user."""
    secret = record.pop("MasterUserSecret")["SecretArn"]
    api("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
