"""scripts/restore-database: a restored database takes the place of the one in use, and no failure leaves a loop."""

import os
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from tests.conftest import CHECKOUT
from tests.unit.fake_rds import FakeRds

CLUSTER = "payment-database-prod"
NAMES = ("prod-payment-writer-1", "prod-payment-reader-2")
OURS = {"Key": "Environment", "Value": "Prod"}
TAGS = [OURS, {"Key": "aws:cloudformation:stack-name", "Value": "Prod-Payment"}]
KEY = "arn:aws:kms:ap-southeast-1:444444444444:key/1"


def instance(name: str, zone: str, tier: int) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name,
        "DBClusterIdentifier": CLUSTER,
        "DbiResourceId": f"db-{name}",
        "Available": True,
        "Engine": "aurora-postgresql",
        "DBInstanceClass": "db.r6g.large",
        "TagList": TAGS,
        "AvailabilityZone": f"ap-southeast-1{zone}",
        "PromotionTier": tier,
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:aws:iam::444444444444:role/monitoring",
        "PerformanceInsightsEnabled": True,
        "PerformanceInsightsKMSKeyId": KEY,
        "PubliclyAccessible": False,
        "AutoMinorVersionUpgrade": True,
        "DBParameterGroups": [{"DBParameterGroupName": "default.aurora-postgresql17"}],
    }


def cluster() -> dict[str, Any]:
    return {
        "DBClusterIdentifier": CLUSTER,
        "DbClusterResourceId": "cluster-OLD",
        "Port": 5433,
        "KmsKeyId": KEY,
        "DBSubnetGroup": "isolated",
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}],
        "TagList": TAGS,
        "DBClusterParameterGroup": "tls",
        "CopyTagsToSnapshot": True,
        "IAMDatabaseAuthenticationEnabled": True,
        "DeletionProtection": True,
        "EnabledCloudwatchLogsExports": ["postgresql"],
        "BackupRetentionPeriod": 35,
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1.0, "MaxCapacity": 8.0, "SecondsUntilAutoPause": None},
        "PreferredBackupWindow": "15:00-15:30",
        "PreferredMaintenanceWindow": "sat:16:00-sat:16:30",
        "MasterUserSecret": {"SecretArn": "old", "SecretStatus": "active", "KmsKeyId": KEY},  # pragma: allowlist secret
    }


class Database(FakeRds):
    """A cluster in use with two instances, and the script."""

    def __init__(self, directory: Path) -> None:
        (directory / "scripts").mkdir()
        self._script = directory / "scripts" / "restore-database"
        self._script.symlink_to(CHECKOUT / "scripts" / "restore-database")
        sleep = directory / "sleep"
        sleep.write_text("#!/bin/sh\n", encoding="utf-8")
        sleep.chmod(0o755)
        instances = {name: instance(name, zone, tier) for name, zone, tier in zip(NAMES, "ab", (0, 2), strict=True)}
        super().__init__(directory, clusters={CLUSTER: cluster()}, instances=instances)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the script under test
            ["sh", str(self._script), *arguments],  # noqa: S607
            env={"PATH": f"{self._directory}:{os.environ['PATH']}", "CLUSTER": CLUSTER},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """After a restore to a point in time and a swap."""
    found = Database(tmp_path_factory.mktemp("swapped"))
    assert found.run("time", "2026-11-27T03:00:00Z").returncode == 0
    assert found.resources["cluster"][CLUSTER]["DbClusterResourceId"] == "cluster-OLD", "it is in use until the swap"
    assert found.run("swap").returncode == 0
    return found


def assert_swapped(database: Database) -> None:
    clusters, instances = database.resources.values()
    assert {name: each["DbClusterResourceId"] for name, each in clusters.items()} == {
        CLUSTER: "cluster-RESTORED",
        f"{CLUSTER}-before": "cluster-OLD",
    }
    assert {name: instances[name]["DBClusterIdentifier"] for name in NAMES} == dict.fromkeys(NAMES, CLUSTER)
    for name, zone, tier in zip(NAMES, "ab", (0, 2), strict=True):
        kept = (instances[name][field] for field in ("AvailabilityZone", "PromotionTier", "Tags"))
        assert tuple(kept) == (f"ap-southeast-1{zone}", tier, [OURS])
    assert clusters[CLUSTER]["Tags"] == [OURS]
    assert clusters[CLUSTER]["BackupRetentionPeriod"] == 35
    assert clusters[CLUSTER]["MasterUserSecret"]["SecretArn"] == "new"  # pragma: allowlist secret


def test_a_restored_database_has_names_zones_settings_and_tags_of_the_one_in_use(swapped: Database) -> None:
    assert_swapped(swapped)
    changes = swapped.changes
    assert swapped.run("swap").returncode == 0
    assert swapped.changes == changes, "a second swap changes nothing"


@pytest.mark.parametrize("number", range(1, 11))
def test_a_refused_request_ends_the_script_and_the_next_run_continues(database: Database, number: int) -> None:
    database.refused = number
    failures = 0
    for command in (("snapshot", "arn:snapshot"), ("swap",)):
        if (run := database.run(*command)).returncode:
            assert "is refused" in run.stderr, run.stderr
            failures += 1
            assert database.run(*command).returncode == 0
    assert failures == 1
    assert_swapped(database)


def test_a_restore_beside_the_cluster_of_an_earlier_one_is_refused(database: Database) -> None:
    database.resources["cluster"][f"{CLUSTER}-before"] = cluster() | {"DBClusterIdentifier": f"{CLUSTER}-before"}
    run = database.run("time", "2026-11-27T03:00:00Z")
    assert run.returncode == 1
    assert f"{CLUSTER}-before exists: repeat the swap if one was interrupted, or else delete this cluster" in run.stderr


def test_the_script_waits_for_each_renamed_instance_before_the_cluster(swapped: Database) -> None:
    requests = [(operation, options.get("db-instance-identifier")) for operation, options in swapped.requests]
    renamed = requests.index(("modify-db-cluster", None))
    waited = {name for operation, name in requests[:renamed] if operation == "wait db-instance-available"}
    assert {f"{CLUSTER}-before-{number}" for number in (1, 2)} <= waited


def test_every_request_of_the_script_is_one_that_rds_has(swapped: Database, database: Database) -> None:
    database.run("snapshot", "arn:snapshot")
    model = botocore.session.Session().get_service_model("rds")
    for operation, options in swapped.requests + database.requests:
        if operation.startswith("wait"):
            continue
        (name,) = (each for each in model.operation_names if xform_name(each, "-") == operation)
        shape = model.operation_model(name).input_shape
        assert shape is not None
        members = {xform_name(member, "-"): member for member in shape.members}
        given = {members[key]: value for key, value in options.items() if key not in ("query", "output", "input")}
        given |= options.get("input", {})
        report = ParamValidator().validate(given, shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"
