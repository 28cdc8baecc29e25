"""The PostgreSQL server behind an emulated Aurora cluster, as Lambda functions in its network find it."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.emulator import Emulator
from cdk_rehearsal.emulator.server import postgresql
from stacks import PRIMARY, RECOVERY, deploy

ACCOUNT = "600000000013"
PASSWORD = "it's secret"  # noqa: S105  # pragma: allowlist secret
TOKEN = "any"  # noqa: S105
QUERY = """
import ssl
from pg8000.native import Connection

def handler(event, context):
    authorities, statements = event.pop("authorities"), event.pop("statements")
    tls = ssl.create_default_context(cadata=authorities) if authorities else False
    with Connection(**event, ssl_context=tls) as database:
        return [database.run(each) for each in statements][-1]
"""
FUNCTION = {
    "Runtime": "python3.13",
    "Handler": "index.handler",
    "FunctionName": "query",
    "Timeout": 60,
    "Role": f"arn:aws:iam::{ACCOUNT}:role/query",
    "Code": {"ZipFile": QUERY},
}
CLUSTER = {
    "Engine": "aurora-postgresql",
    "MasterUsername": "master",
    "MasterUserPassword": PASSWORD,
    "DatabaseName": "payments",
    "Port": 5433,
}


def authority(region: str, directory: Path) -> str:
    """A certificate with the name of the authority of RDS in a region."""
    key, file = directory / f"{region}.key", directory / f"{region}.pem"
    name = f"/CN=Amazon RDS {region} Root CA RSA2048 G1"
    options = ["-newkey", "rsa:2048", "-nodes", "-subj", name, "-keyout", str(key), "-out", str(file)]
    subprocess.run(["openssl", "req", "-x509", *options], check=True, capture_output=True)  # noqa: S603, S607
    return file.read_text()


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {region: authority(region, tmp_path_factory.mktemp("authorities")) for region in (PRIMARY, RECOVERY)}


class Database:
    """A cluster, and a function that runs statements in its database."""

    def __init__(self, emulator: Emulator, cluster: str, authorities: str) -> None:
        self.emulator = emulator
        self._functions = emulator.client("lambda", account=ACCOUNT, region=PRIMARY)
        self.rds = emulator.client("rds", account=ACCOUNT, region=PRIMARY)
        self.cluster, self._authorities = cluster, authorities

    def described(self) -> dict[str, Any]:
        (found,) = self.rds.describe_db_clusters(DBClusterIdentifier=self.cluster)["DBClusters"]
        return dict(found)

    def run(self, *statements: str, **login: object) -> Any:
        """The rows of the last statement, or the error."""
        given = {"host": self.described()["Endpoint"], "port": 5433, "user": "master", "password": PASSWORD}
        given |= {"database": "payments", "authorities": self._authorities, "statements": statements}
        answer = self._functions.invoke(FunctionName="query", Payload=json.dumps(given | login))
        result = json.load(answer["Payload"])
        return result["errorMessage"] if "FunctionError" in answer else result


def deployed(emulator: Emulator, cluster: str, authorities: dict[str, str]) -> Database:
    resources = {
        "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": CLUSTER | {"DBClusterIdentifier": cluster}},
        "Query": {"Type": "AWS::Lambda::Function", "Properties": FUNCTION},
    }
    deploy(emulator, "Database", resources, account=ACCOUNT)
    return Database(emulator, cluster, authorities[PRIMARY])


@pytest.fixture(scope="module")
def database(emulator: Emulator, authorities: dict[str, str]) -> Database:
    return deployed(emulator, "ledger", authorities)


def test_the_master_user_owns_the_database_and_is_no_superuser(database: Database) -> None:
    mine = "SELECT rolcreaterole, rolsuper, pg_has_role('rds_superuser', 'MEMBER') FROM pg_roles"
    assert database.run(f"{mine} WHERE rolname = current_user") == [[True, False, True]]
    assert database.run("CREATE TABLE entries (amount int)", "INSERT INTO entries VALUES (7)", "TABLE entries") == [[7]]
    assert database.run("TABLE entries", host=database.described()["ReaderEndpoint"]) == [[7]]


def test_a_wrong_password_is_refused(database: Database) -> None:
    assert "password authentication failed" in database.run("SELECT 1", password=PASSWORD[1:])


def test_a_user_with_rds_iam_logs_in_with_any_token_and_others_do_not(database: Database) -> None:
    database.run("CREATE ROLE person LOGIN", "CREATE ROLE other LOGIN", "SELECT 1")
    assert "authentication failed" in database.run("SELECT 1", user="person", password=TOKEN)
    database.run("GRANT rds_iam TO person", "ALTER ROLE person SET pgaudit.log = 'all'", "SELECT 1")
    assert database.run("SELECT current_user::text", user="person", password=TOKEN) == [["person"]]
    assert "authentication failed" in database.run("SELECT 1", user="other", password=TOKEN)


def test_a_function_without_the_authority_of_its_region_is_refused(
    database: Database, authorities: dict[str, str]
) -> None:
    assert "certificate verify failed" in database.run("SELECT 1", authorities=authorities[RECOVERY])


def test_a_connection_without_tls_is_refused(database: Database) -> None:
    assert "no encryption" in database.run("SELECT 1", authorities="")


def test_a_changed_master_password_is_that_of_the_database(database: Database) -> None:
    changed = PASSWORD[::-1]
    database.rds.modify_db_cluster(DBClusterIdentifier=database.cluster, MasterUserPassword=changed)
    assert database.run("SELECT 1", password=changed) == [[1]]
    database.rds.modify_db_cluster(DBClusterIdentifier=database.cluster, MasterUserPassword=PASSWORD)
    assert database.run("SELECT 1") == [[1]]


def test_a_snapshot_restores_its_rows_in_another_region(database: Database) -> None:
    database.run("CREATE TABLE snapshots (moment text)", "INSERT INTO snapshots VALUES ('before')", "SELECT 1")
    made = database.rds.create_db_cluster_snapshot(
        DBClusterIdentifier=database.cluster, DBClusterSnapshotIdentifier="nightly"
    )["DBClusterSnapshot"]
    database.run("INSERT INTO snapshots VALUES ('after')", "SELECT 1")
    there = database.emulator.client("rds", account=ACCOUNT, region=RECOVERY)
    copied = there.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=made["DBClusterSnapshotArn"], TargetDBClusterSnapshotIdentifier="copy"
    )["DBClusterSnapshot"]
    there.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="restored",
        SnapshotIdentifier=copied["DBClusterSnapshotArn"],
        Engine=CLUSTER["Engine"],
        Port=5433,
    )
    (restored,) = there.describe_db_clusters(DBClusterIdentifier="restored")["DBClusters"]
    assert database.run("TABLE snapshots", host=restored["Endpoint"]) == [["before"]]
    assert database.run("TABLE snapshots") == [["before"], ["after"]]


def test_a_restored_cluster_has_the_rows_of_that_time_and_takes_the_name(database: Database) -> None:
    database.run("CREATE TABLE payments (moment text)", "INSERT INTO payments VALUES ('right')", "SELECT 1")
    ((time,),) = database.run("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    database.run("UPDATE payments SET moment = 'wrong'", "SELECT 1")
    database.rds.restore_db_cluster_to_point_in_time(
        SourceDBClusterIdentifier=database.cluster, DBClusterIdentifier="earlier", RestoreToTime=time, Port=5433
    )
    for old, new in ((database.cluster, "later"), ("earlier", database.cluster)):
        database.rds.modify_db_cluster(DBClusterIdentifier=old, NewDBClusterIdentifier=new)
    assert database.run("TABLE payments") == [["right"]]
    (later,) = database.rds.describe_db_clusters(DBClusterIdentifier="later")["DBClusters"]
    assert database.run("TABLE payments", host=later["Endpoint"]) == [["wrong"]]
    database.rds.modify_db_cluster(DBClusterIdentifier=database.cluster, ManageMasterUserPassword=True)
    secret = database.described()["MasterUserSecret"]["SecretArn"]
    manager = database.emulator.client("secretsmanager", account=ACCOUNT, region=PRIMARY)
    managed = json.loads(manager.get_secret_value(SecretId=secret)["SecretString"])
    assert database.run("SELECT 1", password=managed["password"]) == [[1]]


def test_an_emulator_without_postgresql_says_that_no_database_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Emulator.start(log=tmp_path / "emulator.log") as without:
        coverage = without.coverage()
        resources = {"Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": CLUSTER}}
        deploy(without, "Database", resources, account=ACCOUNT)
    reason = f"npm's {postgresql.package()} is not installed in {tmp_path}."
    assert coverage.no_database.endswith(reason)
    assert coverage.no_database in coverage.not_proved


def test_the_servers_end_with_the_emulator(tmp_path: Path, authorities: dict[str, str]) -> None:
    with Emulator.start(log=tmp_path / "emulator.log") as short:
        ((port,),) = deployed(short, "ended", authorities).run("SELECT inet_server_port()")
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", port)) != 0
