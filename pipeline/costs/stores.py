"""Sessions, buckets and the queue, with their replication, and what AWS Backup keeps of them."""

import json
from collections.abc import Iterator

from pipeline.costs.line import Bill, CostLine

TYPES = {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Backup::BackupPlan"}


def stores(bill: Bill) -> Iterator[CostLine]:
    """What they cost, each replica in its own region."""
    yield from _sessions(bill)
    yield from _buckets(bill)
    if bill.of("AWS::SQS::Queue"):
        # Sent, received, deleted.
        yield bill.line("Queue", "queue-request-million", 3 * bill.usage.requests_million)
    yield from _backups(bill)


def _sessions(bill: Bill) -> Iterator[CostLine]:
    for table in bill.of("AWS::DynamoDB::GlobalTable"):
        for replica in table["Replicas"]:
            region = replica["Region"]
            yield bill.line("Sessions", "dynamodb-write-million", bill.usage.requests_million, region=region)
            yield bill.line("Sessions", "dynamodb-storage-gb", bill.usage.sessions_gb, region=region)
            if replica.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
                yield bill.line("Sessions", "dynamodb-pitr-gb", bill.usage.sessions_gb, region=region)
        yield bill.line("Sessions", "dynamodb-read-million", bill.usage.requests_million)


def _buckets(bill: Bill) -> Iterator[CostLine]:
    for bucket in bill.of("AWS::S3::Bucket"):
        yield bill.line("Logs in S3", "s3-storage-gb", bill.usage.audit_gb)
        yield bill.line("Logs in S3", "s3-put-thousand", bill.usage.log_objects_thousand)
        if "ReplicationConfiguration" in bucket:
            yield bill.line("Logs in S3", "transfer-to-region-gb", bill.usage.audit_new_gb)
            if "ReplicationTime" in json.dumps(bucket["ReplicationConfiguration"]):
                yield bill.line("Logs in S3", "s3-replication-time-control-gb", bill.usage.audit_new_gb)


def _backups(bill: Bill) -> Iterator[CostLine]:
    usage = bill.usage
    size = usage.database_gb + usage.sessions_gb
    for plan in bill.of("AWS::Backup::BackupPlan"):
        for rule in plan["BackupPlan"]["BackupPlanRule"]:
            yield bill.line("Backups", "backup-storage-gb", usage.backup_copies * size)
            for copy in rule.get("CopyActions", []):
                yield bill.line("Backups", "transfer-to-region-gb", size)
                yield bill.line(
                    "Backups", "backup-storage-gb", usage.backup_copies * size, region=_region_of(copy) or bill.region
                )


def _region_of(copy: dict[str, object]) -> str | None:
    vault = copy["DestinationBackupVaultArn"]
    return vault.get("Fn::GetStackOutput", {}).get("Region") if isinstance(vault, dict) else str(vault).split(":")[3]
