"""What is left in an account after everything was taken down, by its kind; keys on their way out are not counted."""

from collections.abc import Iterable, Iterator
from typing import Any

from rehearsal.emulator import Emulator

_BOOTSTRAP = ("cdk-", "CDKToolkit", "payment-delivery-boundary", "payment-delivery-execution-")
"""What the names of resources contain that `cdk bootstrap` made, and bootstrap/permissions.json before it."""


def remains(emulator: Emulator, *, account: str, regions: Iterable[str]) -> dict[str, set[str]]:
    """The names of what stands, without the bootstrap."""
    found: dict[str, set[str]] = {}
    for region in regions:
        for kind, names in _look(emulator, account=account, region=region):
            found.setdefault(kind, set()).update(name for name in names if not any(part in name for part in _BOOTSTRAP))
    return {kind: names for kind, names in found.items() if names}


def _look(emulator: Emulator, *, account: str, region: str) -> Iterator[tuple[str, set[str]]]:
    def ask(service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        client = emulator.client(service, account=account, region=region)
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
        return answer

    yield "buckets", {bucket["Name"] for bucket in ask("s3", "list_buckets")["Buckets"]}
    yield "roles", {role["RoleName"] for role in ask("iam", "list_roles", MaxItems=1000)["Roles"]}
    yield "policies", {policy["PolicyName"] for policy in ask("iam", "list_policies", Scope="Local")["Policies"]}
    yield "tables", set(ask("dynamodb", "list_tables")["TableNames"])
    yield "secrets", {secret["Name"] for secret in ask("secretsmanager", "list_secrets")["SecretList"]}
    yield "parameters", {parameter["Name"] for parameter in ask("ssm", "describe_parameters")["Parameters"]}
    yield "vaults", {vault["BackupVaultName"] for vault in ask("backup", "list_backup_vaults")["BackupVaultList"]}
    yield "clusters", {each["DBClusterIdentifier"] for each in ask("rds", "describe_db_clusters")["DBClusters"]}
    snapshots = ask("rds", "describe_db_cluster_snapshots")["DBClusterSnapshots"]
    yield "snapshots", {snapshot["DBClusterSnapshotIdentifier"] for snapshot in snapshots}
    yield "alarms", {alarm["AlarmName"] for alarm in ask("cloudwatch", "describe_alarms")["MetricAlarms"]}
    yield "log groups", {group["logGroupName"] for group in ask("logs", "describe_log_groups")["logGroups"]}
    yield "topics", {topic["TopicArn"] for topic in ask("sns", "list_topics")["Topics"]}
    yield "queues", set(ask("sqs", "list_queues").get("QueueUrls", []))
    named = {alias.get("TargetKeyId"): alias["AliasName"] for alias in ask("kms", "list_aliases")["Aliases"]}
    keys = (ask("kms", "describe_key", KeyId=key["KeyId"])["KeyMetadata"] for key in ask("kms", "list_keys")["Keys"])
    enabled = [key["KeyId"] for key in keys if key["KeyState"] == "Enabled"]
    yield "keys", {f"{key} {named.get(key, '')}" for key in enabled}
