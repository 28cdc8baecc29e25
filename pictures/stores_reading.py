"""Reads what keeps data beside the database, and its copies in the DR region, out of an environment's templates."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pictures.platform import Store
from tests.templates import Assembly, references

Json = Mapping[str, Any]


def days(number: int) -> str:
    """A number of days in words."""
    return f"{number} day{'s' * (number != 1)}"


def stores(assembly: Assembly, *, payment: str, recovery: str) -> list[Store]:
    """The stores of the primary region: those that the service uses, then those that others write."""
    region = assembly.stacks[recovery].environment.region
    served = _reach(assembly, payment)
    found = [
        *_sessions(assembly, payment, region, served),
        *_queues(assembly, payment, served),
        *_buckets(assembly, payment, recovery, served),
        *_secrets(assembly, payment, region, served),
        *_vaults(assembly, payment, recovery),
    ]
    return sorted(found, key=lambda store: (not store.used, store.saves))


def _reach(assembly: Assembly, payment: str) -> str:
    """What the service's tasks are handed, and may do: they use what is named here."""
    task = assembly.only(payment, "AWS::ECS::TaskDefinition")
    own = set(references(task["TaskRoleArn"]))
    roles = assembly.resources(payment, "AWS::IAM::Role")
    policies = assembly.resources(payment, "AWS::IAM::ManagedPolicy")
    attached = {policy for role in own for policy in references(roles[role]) if policy in policies}
    admitting = [
        policy["Bucket"]
        for policy in assembly.resources(payment, "AWS::S3::BucketPolicy").values()
        if own & set(references(policy["PolicyDocument"]))
    ]
    return json.dumps([task, admitting, *(policies[policy] for policy in sorted(attached))])


def _sessions(assembly: Assembly, payment: str, region: str, served: str) -> Iterator[Store]:
    for name, table in assembly.resources(payment, "AWS::DynamoDB::GlobalTable").items():
        copied = region in {replica["Region"] for replica in table["Replicas"]}
        on_demand = table.get("BillingMode") == "PAY_PER_REQUEST"
        yield Store(
            name="Sessions",
            detail=f"DynamoDB{', on demand' * on_demand}",
            used=name in served,
            replica=("Sessions", "table replica") if copied else None,
        )


def _queues(assembly: Assembly, payment: str, served: str) -> Iterator[Store]:
    queues = assembly.resources(payment, "AWS::SQS::Queue")
    redrives = {name: queue["RedrivePolicy"] for name, queue in queues.items() if "RedrivePolicy" in queue}
    dead_letters = {target for redrive in redrives.values() for target in references(redrive)}
    for name in sorted(queues.keys() - dead_letters):
        redrive = redrives.get(name)
        beside = ("Dead letters", f"after {redrive['maxReceiveCount']} tries") if redrive else None
        yield Store(name="Queue", detail="SQS", used=name in served, beside=beside)


def _buckets(assembly: Assembly, payment: str, recovery: str, served: str) -> Iterator[Store]:
    replicas = {
        f"arn:aws:s3:::{copy['BucketName']}" for copy in assembly.resources(recovery, "AWS::S3::Bucket").values()
    }
    for bucket_id, bucket in assembly.resources(payment, "AWS::S3::Bucket").items():
        rules = bucket.get("ReplicationConfiguration", {}).get("Rules", [])
        copies = [rule["Destination"] for rule in rules if rule["Destination"]["Bucket"] in replicas]
        name = "Audit log" if "ObjectLockConfiguration" in bucket else "Access logs"
        yield Store(
            name=name,
            detail=f"S3, {_kept(bucket)}",
            used=bucket_id in served,
            replica=(name, _arrives(copies[0])) if copies else None,
        )


def _arrives(copy: Json) -> str:
    time = copy.get("ReplicationTime", {}).get("Time")
    return f"within {time['Minutes']} minutes" if time else "replicated"


def _kept(bucket: Json) -> str:
    if lock := bucket.get("ObjectLockConfiguration"):
        return f"locked {days(lock['Rule']['DefaultRetention']['Days'])}"
    expiry = [
        rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule
    ]
    return f"kept {days(min(expiry))}" if expiry else "kept"


def _secrets(assembly: Assembly, payment: str, region: str, served: str) -> Iterator[Store]:
    rotations = assembly.resources(payment, "AWS::SecretsManager::RotationSchedule").values()
    for name, secret in assembly.resources(payment, "AWS::SecretsManager::Secret").items():
        rules = [rotation["RotationRules"] for rotation in rotations if name in references(rotation)]
        copied = region in {replica["Region"] for replica in secret.get("ReplicaRegions", [])}
        yield Store(
            name="Database user",
            detail=f"secret, new every {days(rules[0]['AutomaticallyAfterDays'])}" if rules else "secret",
            used=name in served,
            replica=("Database user", "secret replica") if copied else None,
        )


def _vaults(assembly: Assembly, payment: str, recovery: str) -> Iterator[Store]:
    clusters = assembly.resources(payment, "AWS::RDS::DBCluster").keys()
    selected = set(references(list(assembly.resources(payment, "AWS::Backup::BackupSelection").values())))
    for plan in assembly.resources(payment, "AWS::Backup::BackupPlan").values():
        for rule in plan["BackupPlan"]["BackupPlanRule"]:
            copies = [
                copy["Lifecycle"]["DeleteAfterDays"]
                for copy in rule.get("CopyActions", [])
                if copy["DestinationBackupVaultArn"]["Fn::GetStackOutput"]["StackName"] == recovery
            ]
            yield Store(
                name="Backups",
                detail=f"{rule['RuleName'].lower()}, kept {days(rule['Lifecycle']['DeleteAfterDays'])}",
                saves=bool(clusters & selected),
                replica=("Backups", f"kept {days(copies[0])}") if copies else None,
            )
