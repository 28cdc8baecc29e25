"""Losses of stored data: the list of stateful types, and what keeps less data or protects it less in place."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aws_cdk as cdk
import cfnlint
import pytest

from payment_constructs.python_function import inline_code
from pipeline.guard.guard import CODE, IMPORTS
from pipeline.guard.losses import KEPT, STATEFUL, weaker

DATA = Path(cfnlint.__file__).parent / "data"

KEEPS = re.compile(
    r"Retention\w*$|DeletionProtection|PointInTimeRecoveryEnabled|RecoveryPeriod|(Replicas|Regions|ReplicaCount)$"
    r"|NumCache|Backtrack|DeleteAfterDays|BackupPolicy/Status|Versioning|CopyActions$"
)
"""Names of properties that decide how much stored data is kept."""

NOT_JUDGED = {
    "PerformanceInsightsRetentionPeriod": "metrics of the database, not its data",
    "LockConfiguration/MaxRetentionDays": "refuses backups that are kept longer, and deletes none",
}


def paths(schema: dict[str, Any], root: dict[str, Any], path: tuple[str, ...] = (), seen: Any = ()) -> Iterator[str]:
    """Every property of a resource schema, with * for the items of a list."""
    if reference := schema.get("$ref"):
        if reference in seen or not reference.startswith("#/definitions/"):
            return
        schema, seen = root["definitions"][reference.split("/")[-1]], (*seen, reference)
    for each in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from paths(each, root, path, seen)
    if "items" in schema:
        yield "/".join((*path, "*"))
        yield from paths(schema["items"], root, (*path, "*"), seen)
    for name, each in schema.get("properties", {}).items():
        yield "/".join((*path, name))
        yield from paths(each, root, (*path, name), seen)


def properties(kind: str) -> set[str]:
    files = json.loads((DATA / "schemas/providers/us-east-1.json").read_text())
    if kind not in files:  # AWS no longer offers the type
        return set()
    schema = json.loads((DATA / "schemas/resources" / f"{files[kind]}.json").read_text())
    return set(paths(schema, schema))


def test_the_stateful_types_are_those_of_aws_and_two_more() -> None:
    listed = json.loads((DATA / "AdditionalSpecs/StatefulResources.json").read_text())["ResourceTypes"]
    ours = {"AWS::KMS::ReplicaKey", "AWS::RDS::GlobalCluster"}
    assert set(listed) | ours == STATEFUL, "change STATEFUL of pipeline/guard/losses.py"


@pytest.mark.parametrize("kind", sorted(STATEFUL | KEPT.keys()))
def test_every_property_that_keeps_stored_data_is_judged(kind: str) -> None:
    known = properties(kind)
    judged = KEPT.get(kind, {})
    assert not known or judged.keys() <= known, f"{kind} has no such property: change KEPT of pipeline/guard/losses.py"
    roots = tuple(path.removesuffix("/*") for path in judged)
    missing = {path for path in known if KEEPS.search(path) and not path.startswith(roots) and path not in NOT_JUDGED}
    missing -= {path for path in known if any(each.startswith(f"{path}/") for each in roots)}
    assert not missing, "add them to KEPT of pipeline/guard/losses.py, or to NOT_JUDGED with the reason"


def resource(kind: str, /, **found: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": found}


def expiring(days: Any, /, **rule: Any) -> dict[str, Any]:
    rules = [{"Status": "Enabled", "ExpirationInDays": days, **rule}]
    return resource("S3::Bucket", LifecycleConfiguration={"Rules": rules})


def noncurrent(**limits: int) -> dict[str, Any]:
    rules = [{"Status": "Enabled", "NoncurrentVersionExpiration": limits}]
    return resource("S3::Bucket", LifecycleConfiguration={"Rules": rules})


def locked(mode: str, days: int) -> dict[str, Any]:
    rule = {"DefaultRetention": {"Mode": mode, "Days": days}}
    return resource("S3::Bucket", ObjectLockConfiguration={"Rule": rule})


def table(*replicas: str, **found: Any) -> dict[str, Any]:
    return resource("DynamoDB::GlobalTable", Replicas=[{"Region": region, **found} for region in replicas])


def recovering(enabled: bool, days: int) -> dict[str, Any]:
    specification = {"PointInTimeRecoveryEnabled": enabled, "RecoveryPeriodInDays": days}
    return table("us-west-2", PointInTimeRecoverySpecification=specification)


def living(attribute: str, *, on: bool = True) -> dict[str, Any]:
    return resource("DynamoDB::Table", TimeToLiveSpecification={"AttributeName": attribute, "Enabled": on})


def logging(days: int | None) -> dict[str, Any]:
    return resource("Logs::LogGroup", **({"RetentionInDays": days} if days else {}))


def plan(days: int | None, *copies: str) -> dict[str, Any]:
    lifecycle = {"Lifecycle": {"DeleteAfterDays": days}} if days else {}
    copied = [{"DestinationBackupVaultArn": {"Fn::Sub": each}, **lifecycle} for each in copies]
    rule = {"RuleName": "Daily", "CopyActions": copied, **lifecycle}
    return resource("Backup::BackupPlan", BackupPlan={"BackupPlanRule": [rule]})


def outliving(policy: str | None, kind: str = "S3::Bucket", attribute: str = "DeletionPolicy") -> dict[str, Any]:
    return resource(kind) | ({attribute: policy} if policy else {})


BUCKET, KEY, CLUSTER = resource("S3::Bucket"), resource("KMS::Key"), resource("RDS::DBCluster")
LOSSES_IN_PLACE = [
    (table("us-west-2", "eu-west-1"), table("us-west-2"), "Replicas"),
    (table("us-west-2", DeletionProtectionEnabled=True), table("us-west-2"), "Replicas"),
    (recovering(True, 35), recovering(False, 35), "Replicas"),
    (recovering(True, 35), recovering(True, 7), "Replicas"),
    (table("us-west-2"), resource("DynamoDB::GlobalTable", Replicas={"Ref": "Regions"}), "Replicas"),
    (living("ttl", on=False), living("ttl"), "TimeToLiveSpecification"),
    (living("ttl"), living("created"), "TimeToLiveSpecification"),
    (resource("DynamoDB::Table"), living("ttl"), "TimeToLiveSpecification"),
    (expiring(400), expiring(30), "LifecycleConfiguration"),
    (BUCKET, expiring(400), "LifecycleConfiguration"),
    (expiring(400, Prefix="a"), expiring(400), "LifecycleConfiguration"),
    (expiring(400, Status="Disabled"), expiring(400), "LifecycleConfiguration"),
    (expiring(400), expiring({"Ref": "Days"}), "LifecycleConfiguration"),
    (BUCKET, resource("S3::Bucket", LifecycleConfiguration={"Rules": [{"Fn::If": []}]}), "LifecycleConfiguration"),
    (noncurrent(NoncurrentDays=30), noncurrent(NoncurrentDays=7), "LifecycleConfiguration"),
    (
        noncurrent(NoncurrentDays=30, NewerNoncurrentVersions=5),
        noncurrent(NoncurrentDays=30),
        "LifecycleConfiguration",
    ),
    (locked("COMPLIANCE", 400), locked("GOVERNANCE", 400), "ObjectLockConfiguration"),
    (locked("COMPLIANCE", 400), locked("COMPLIANCE", 365), "ObjectLockConfiguration"),
    (
        resource("S3::Bucket", ReplicationConfiguration={"Rules": [{"Id": "Everything", "Status": "Enabled"}]}),
        resource("S3::Bucket", ReplicationConfiguration={"Rules": [{"Id": "Everything", "Status": "Disabled"}]}),
        "ReplicationConfiguration",
    ),
    (resource("S3::Bucket", VersioningConfiguration={"Status": "Enabled"}), BUCKET, "VersioningConfiguration"),
    (
        resource("Logs::LogGroup", RetentionInDays=400),
        resource("Logs::LogGroup", RetentionInDays=30),
        "RetentionInDays",
    ),
    (resource("Logs::LogGroup"), resource("Logs::LogGroup", RetentionInDays=3653), "RetentionInDays"),
    (
        resource("SQS::Queue", MessageRetentionPeriod=1209600),
        resource("SQS::Queue"),
        "MessageRetentionPeriod",
    ),
    (KEY, resource("KMS::Key", Enabled=False), "Enabled"),
    (KEY, resource("KMS::Key", Enabled="false"), "Enabled"),
    (KEY, resource("KMS::Key", PendingWindowInDays=7), "PendingWindowInDays"),
    (resource("KMS::ReplicaKey", Enabled=True), resource("KMS::ReplicaKey", Enabled=False), "Enabled"),
    (resource("RDS::DBCluster", BackupRetentionPeriod=35), CLUSTER, "BackupRetentionPeriod"),
    (resource("RDS::DBCluster", BackupRetentionPeriod="14"), CLUSTER, "BackupRetentionPeriod"),
    (resource("RDS::DBCluster", DeletionProtection=True), CLUSTER, "DeletionProtection"),
    (resource("Redshift::Cluster"), resource("Redshift::Cluster", ManualSnapshotRetentionPeriod=7), "Manual"),
    (plan(35, "a"), plan(7, "a"), "BackupPlan"),
    (plan(None), plan(35), "BackupPlan"),
    (plan(35, "a", "b"), plan(35, "a"), "BackupPlan"),
    (plan(35), resource("Backup::BackupPlan", BackupPlan={"BackupPlanRule": []}), "BackupPlan"),
    (
        resource("Backup::BackupSelection", BackupSelection={"Resources": [{"Ref": "A"}, {"Ref": "B"}]}),
        resource("Backup::BackupSelection", BackupSelection={"Resources": [{"Ref": "A"}]}),
        "BackupSelection",
    ),
    (
        resource("SecretsManager::Secret", ReplicaRegions=[{"Region": "us-west-2"}]),
        resource("SecretsManager::Secret"),
        "ReplicaRegions",
    ),
    (outliving("RetainExceptOnCreate"), outliving("Delete"), "DeletionPolicy"),
    (outliving("Retain"), outliving(None), "DeletionPolicy"),
    (outliving(None, "RDS::DBCluster"), outliving("Delete", "RDS::DBCluster"), "DeletionPolicy"),
    (
        outliving("Retain", attribute="UpdateReplacePolicy"),
        outliving("Snapshot", attribute="UpdateReplacePolicy"),
        "UpdateReplacePolicy",
    ),
]


@pytest.mark.parametrize(("before", "after", "name"), LOSSES_IN_PLACE)
def test_a_change_that_keeps_less_data_names_the_property(
    before: dict[str, Any], after: dict[str, Any], name: str
) -> None:
    (found,) = weaker(before, after)
    assert found.startswith(name)
    assert weaker(before, before) == weaker(after, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (table("us-west-2"), table("us-west-2", "eu-west-1")),
        (recovering(False, 7), recovering(True, 35)),
        (living("ttl"), living("ttl", on=False)),
        (expiring(30), expiring(400)),
        (expiring(30), expiring(30, Id="renamed", Transitions=[{"StorageClass": "GLACIER"}])),
        (expiring(30), BUCKET),
        (locked("GOVERNANCE", 1), locked("COMPLIANCE", 400)),
        (logging(30), logging(None)),
        (resource("KMS::Key", Enabled=False), KEY),
        (CLUSTER, resource("RDS::DBCluster", BackupRetentionPeriod=35, DeletionProtection=True)),
        (plan(7, "a"), plan(35, "a", "b")),
        (outliving("Retain"), outliving("RetainExceptOnCreate")),
        (outliving("Delete"), outliving("Retain")),
        (outliving("Retain", "SNS::Topic"), outliving("Delete", "SNS::Topic")),
        (BUCKET, resource("S3::Bucket", Tags=[1])),
    ],
)
def test_a_change_that_keeps_as_much_passes(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert weaker(before, after) == []


def test_the_function_of_the_guard_is_one_file_that_imports_nothing_of_the_project() -> None:
    function = ModuleType("index")
    code = inline_code(CODE, imports=IMPORTS)
    text = str(code.bind(cdk.Stack()).inline_code)
    assert "import pipeline" not in text
    assert "from pipeline" not in text
    exec(compile(text, "index.py", "exec"), function.__dict__)  # noqa: S102 - as Lambda does
    names = re.findall(r"^(?:def |class )?(\w+)(?=\(|: | = )", text, flags=re.MULTILINE)
    assert sorted(names) == sorted(set(names)), "give every name of the modules once"
    assert callable(function.__dict__["handler"])
