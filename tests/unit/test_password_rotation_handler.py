"""The password rotation: on a PostgreSQL server, and its handler's idempotent steps, TLS and refusals."""

import importlib
import json
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from pg8000.native import Connection, DatabaseError

from payment_constructs.database_function import rds_certificate_authorities
from tests.postgresql import Server, as_rds_creates_it, postgresql

ROTATION_TIMEOUT_SECONDS = 120
SECRET, TOKEN = "payment-database-user-dev", "version-2"
MASTER = {"username": "payment_master", "password": "of ~{characters}"}  # pragma: allowlist secret
CURRENT = {"host": "db", "username": "payment_app_a", "password": "a" * 40}


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def rotated(days: float, **more: Any) -> dict[str, Any]:
    """What Secrets Manager says of a secret that was last rotated before so many days."""
    return {"RotationEnabled": True, "CreatedDate": ago(400), "LastRotatedDate": ago(days), **more}


def created(days: float, **more: Any) -> dict[str, Any]:
    """What it says of one that was never rotated."""
    return {"RotationEnabled": True, "CreatedDate": ago(days), **more}


class NotFoundError(Exception):
    """The error of Secrets Manager for a missing staging label."""


class FakeSecretsManager:
    """Secrets Manager with the master secret and one rotating secret with its versions."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFoundError)

    def __init__(self) -> None:
        self.values = {"version-1": json.dumps(CURRENT)}
        self.stages = {"version-1": ["AWSCURRENT"]}
        self.rotations = {SECRET: rotated(0), "master": rotated(0)}

    def get_secret_value(self, *, SecretId: str, VersionStage: str, VersionId: str | None = None) -> Any:  # noqa: N803
        if SecretId == "master":  # pragma: allowlist secret
            assert VersionStage == "AWSCURRENT"
            return {"SecretString": json.dumps(MASTER)}
        assert SecretId == SECRET
        for version, stages in self.stages.items():
            if VersionStage in stages and VersionId in (None, version):
                return {"SecretString": self.values[version]}
        raise NotFoundError

    def put_secret_value(self, *, ClientRequestToken: str, SecretString: str, VersionStages: Any, **_: str) -> None:  # noqa: N803
        assert ClientRequestToken not in self.values
        self.values[ClientRequestToken] = SecretString
        self.stages[ClientRequestToken] = VersionStages

    def describe_secret(self, *, SecretId: str) -> Any:  # noqa: N803
        return {"VersionIdsToStages": self.stages, **self.rotations[SecretId]}

    def update_secret_version_stage(self, *, MoveToVersionId: str, RemoveFromVersionId: str, **_: str) -> None:  # noqa: N803
        self.stages[RemoveFromVersionId] = ["AWSPREVIOUS"]
        self.stages[MoveToVersionId] = ["AWSCURRENT", "AWSPENDING"]

    def pending(self) -> dict[str, str]:
        value: dict[str, str] = json.loads(self.values[TOKEN])
        return value


class FakeClusters:
    """RDS, which knows the master secret of each cluster."""

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> Any:  # noqa: N803
        assert DBClusterIdentifier == "payment-database-dev"
        return {"DBClusters": [{"MasterUserSecret": {"SecretArn": "master"}}]}  # pragma: allowlist secret


class FakeDatabase:
    """A database that records the statements of each user and may refuse every user but the master."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, str]] = []
        self.admits = True

    def connect(
        self,
        user: str,
        *,
        host: str,
        port: int,
        database: str,
        password: str,
        ssl_context: ssl.SSLContext,
        timeout: int,
    ) -> Any:
        assert (host, port, database) == ("writer", 5433, "payments")
        assert ssl_context.verify_mode is ssl.CERT_REQUIRED
        assert ssl_context.check_hostname
        assert ssl_context.get_ca_certs(), "load the RDS authorities into the TLS context"
        assert timeout < ROTATION_TIMEOUT_SECONDS
        if user == MASTER["username"]:
            assert password == MASTER["password"]
        elif not self.admits:
            raise DatabaseError({"C": "28P01", "M": f'password authentication failed for user "{user}"'})

        def run(statement: str) -> list[list[str]]:
            self.statements.append((user, statement))
            return [["payment_app"]]

        return nullcontext(SimpleNamespace(run=run))


@pytest.fixture
def secrets_manager() -> FakeSecretsManager:
    return FakeSecretsManager()


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def rotation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secrets_manager: FakeSecretsManager, database: FakeDatabase
) -> ModuleType:
    clients = {"secretsmanager": secrets_manager, "rds": FakeClusters()}
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    names = {
        "HOST": "writer",
        "PORT": "5433",
        "CLUSTER": "payment-database-dev",
        "DATABASE": "payments",
        "SECRET": SECRET,
        "DAYS": "30",
        "MASTER_DAYS": "7",
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "payment_constructs.functions.password_rotation", raising=False)
    module = importlib.import_module("payment_constructs.functions.password_rotation")
    authorities = tmp_path / "rds-ca.pem"
    authorities.write_text(rds_certificate_authorities())
    monkeypatch.setattr(module, "AUTHORITIES", authorities)
    monkeypatch.setattr(module, "Connection", database.connect)
    return module


def step(rotation: ModuleType, name: str, *, version: str = TOKEN) -> None:
    rotation.handler({"Step": name, "SecretId": SECRET, "ClientRequestToken": version}, None)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


@pytest.fixture
def aurora(server: Server, rotation: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server as RDS creates a cluster: its master user is no superuser, and owns the database."""
    with as_rds_creates_it(server, password=MASTER["password"]):
        monkeypatch.setattr(ssl, "create_default_context", lambda **_: None)  # the server has no certificate
        monkeypatch.setattr(rotation, "Connection", lambda user, **given: login(server, user, given["password"]))
        yield server


def login(server: Server, user: str, password: str) -> Connection:
    return server.connect(user, password=password, database="payments")


@pytest.fixture
def rotate(aurora: Server, rotation: ModuleType, secrets_manager: FakeSecretsManager) -> Callable[[], Connection]:
    """Rotates the secret, and logs in with the new credentials."""

    def rotate() -> Connection:
        version = f"version-{len(secrets_manager.values) + 1}"
        for name in ("createSecret", "setSecret", "testSecret", "finishSecret"):
            step(rotation, name, version=version)
        user = json.loads(secrets_manager.values[version])
        return login(aurora, user["username"], user["password"])

    return rotate


def test_each_user_alters_the_tables_of_the_other(rotate: Callable[[], Connection]) -> None:
    with rotate() as one:
        one.run("CREATE SCHEMA ledger")
        one.run("CREATE TABLE ledger.entries (amount int)")
    with rotate() as other:
        other.run("ALTER TABLE ledger.entries ADD currency text")
        other.run("CREATE INDEX ON ledger.entries (currency)")
        other.run("CREATE TABLE ledger.accounts ()")
    with rotate() as one:
        one.run("INSERT INTO ledger.entries VALUES (1, 'SGD')")
        one.run("DROP TABLE ledger.accounts")


def test_a_password_works_until_the_rotation_after_the_next(
    aurora: Server, rotate: Callable[[], Connection], secrets_manager: FakeSecretsManager
) -> None:
    for _ in range(4):
        rotate().close()
    read = [json.loads(value) for value in secrets_manager.values.values()]  # oldest first
    assert [user["username"][-1] for user in read] == ["a", "b", "a", "b", "a"]
    for user in read[-2:]:
        login(aurora, user["username"], user["password"]).close()
    for user in read[:-2]:
        with pytest.raises(DatabaseError, match="password authentication failed"):
            login(aurora, user["username"], user["password"])


def test_each_rotation_creates_the_users_of_people(aurora: Server, rotate: Callable[[], Connection]) -> None:
    for _ in range(2):
        rotate().close()
        with aurora.connect() as superuser:
            found = superuser.run("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'payment_people_%'")
            assert sorted(found) == [["payment_people_read"], ["payment_people_write"]]
            superuser.run("DROP OWNED BY payment_people_read")  # a restored database may be older than they are


def test_the_first_rotation_after_an_upgrade_shares_the_tables(
    aurora: Server, rotation: ModuleType, rotate: Callable[[], Connection]
) -> None:
    with login(aurora, MASTER["username"], MASTER["password"]) as master:
        for statement in (
            "CREATE ROLE payment_app NOLOGIN",
            "GRANT CONNECT, CREATE ON DATABASE payments TO payment_app",
            f"CREATE ROLE payment_app_a LOGIN PASSWORD '{rotation.verifier(CURRENT['password'])}'",
            "GRANT payment_app TO payment_app_a",
        ):
            master.run(statement)
    with login(aurora, CURRENT["username"], CURRENT["password"]) as running:
        running.run("CREATE SCHEMA ledger")
        running.run("CREATE TABLE ledger.entries (amount int)")
        with rotate() as new:
            new.run("ALTER TABLE ledger.entries ADD currency text")
        running.run("INSERT INTO ledger.entries VALUES (1, 'SGD')")


def test_a_rotation_fails_rather_than_waits_for_a_locked_table(
    rotation: ModuleType, rotate: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    with rotate() as running:
        for statement in ("SET ROLE NONE", "CREATE SCHEMA own", "CREATE TABLE own.entries ()"):
            running.run(statement)
        running.run("BEGIN")
        running.run("SELECT FROM own.entries")
        step(rotation, "createSecret", version="version-3")
        run = Connection.run
        monkeypatch.setattr(Connection, "run", lambda self, sql: run(self, sql.replace("'5s'", "'50ms'")))
        with pytest.raises(DatabaseError, match="lock timeout"):
            step(rotation, "setSecret", version="version-3")
        running.run("COMMIT")
        step(rotation, "setSecret", version="version-3")


def test_no_password_is_in_the_log_of_the_database(
    aurora: Server,
    rotation: ModuleType,
    rotate: Callable[[], Connection],
    secrets_manager: FakeSecretsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotate().close()
    run = Connection.run
    monkeypatch.setattr(Connection, "run", lambda self, sql: run(self, f"{sql} fails" if "PASSWORD" in sql else sql))
    step(rotation, "createSecret", version="version-3")
    with pytest.raises(DatabaseError, match="unrecognized role option"):
        step(rotation, "setSecret", version="version-3")
    log = aurora.log.read_text()
    assert "STATEMENT:  ALTER ROLE payment_app_b WITH LOGIN PASSWORD 'SCRAM-SHA-256$" in log
    found = [version for version, value in secrets_manager.values.items() if json.loads(value)["password"] in log]
    assert found == [], "send the database a verifier of the password"


def test_a_session_outside_the_shared_role_fails_the_test_step(
    aurora: Server, rotation: ModuleType, rotate: Callable[[], Connection]
) -> None:
    rotate().close()
    step(rotation, "createSecret", version="version-3")
    step(rotation, "setSecret", version="version-3")
    with aurora.connect() as superuser:
        superuser.run("ALTER ROLE payment_app_a RESET ROLE")
    with pytest.raises(RuntimeError, match="does not have the role payment_app"):
        step(rotation, "testSecret", version="version-3")


def test_create_secret_generates_a_password_for_the_other_user(
    rotation: ModuleType, secrets_manager: FakeSecretsManager
) -> None:
    step(rotation, "createSecret")
    pending = secrets_manager.pending()
    assert (pending["host"], pending["username"]) == ("db", "payment_app_b")
    assert len(pending["password"]) == 40
    assert pending["password"].isalnum()


def test_rotation_alternates_between_the_two_users(rotation: ModuleType, secrets_manager: FakeSecretsManager) -> None:
    secrets_manager.values["version-1"] = json.dumps(CURRENT | {"username": "payment_app_b"})
    step(rotation, "createSecret")
    assert secrets_manager.pending()["username"] == "payment_app_a"


def test_create_secret_is_idempotent(rotation: ModuleType, secrets_manager: FakeSecretsManager) -> None:
    step(rotation, "createSecret")
    first = secrets_manager.pending()
    step(rotation, "createSecret")
    assert secrets_manager.pending() == first


@pytest.mark.parametrize(
    "change", [{"username": "postgres"}, {"password": "x'; DROP ROLE payment_app; --"}, {"password": "ä" * 40}]
)
def test_set_secret_refuses_an_unknown_user_or_password_format(
    rotation: ModuleType, secrets_manager: FakeSecretsManager, database: FakeDatabase, change: dict[str, str]
) -> None:
    step(rotation, "createSecret")
    secrets_manager.values[TOKEN] = json.dumps(secrets_manager.pending() | change)
    with pytest.raises(ValueError, match="not of this rotation"):
        step(rotation, "setSecret")
    assert not database.statements


def test_test_secret_logs_in_as_the_new_user(rotation: ModuleType, database: FakeDatabase) -> None:
    step(rotation, "createSecret")
    step(rotation, "testSecret")
    assert database.statements == [("payment_app_b", "SELECT current_user")]
    database.admits = False
    with pytest.raises(DatabaseError, match="payment_app_b"):
        step(rotation, "testSecret")


def test_test_secret_refuses_any_other_user(
    rotation: ModuleType, secrets_manager: FakeSecretsManager, database: FakeDatabase
) -> None:
    step(rotation, "createSecret")
    secrets_manager.values[TOKEN] = json.dumps(secrets_manager.pending() | {"username": "postgres"})
    with pytest.raises(ValueError, match="not of this rotation"):
        step(rotation, "testSecret")
    assert not database.statements


def test_finish_secret_is_idempotent(rotation: ModuleType, secrets_manager: FakeSecretsManager) -> None:
    step(rotation, "createSecret")
    for _ in range(2):
        step(rotation, "finishSecret")
    assert "AWSCURRENT" in secrets_manager.stages[TOKEN]
    assert secrets_manager.stages["version-1"] == ["AWSPREVIOUS"]


CHECK = {"Check": "of the schedule"}


@pytest.mark.parametrize(
    ("user", "master"),
    [(rotated(0), rotated(0)), (rotated(31.9), rotated(8.9)), (created(0), created(8.9))],
    ids=["today", "within-the-grace", "new"],
)
def test_the_check_of_rotations_in_time_passes(
    rotation: ModuleType, secrets_manager: FakeSecretsManager, database: FakeDatabase, user: Any, master: Any
) -> None:
    secrets_manager.rotations = {SECRET: user, "master": master}
    rotation.handler(CHECK, None)
    assert database.statements == [], "it must not wake a paused database"


@pytest.mark.parametrize(
    ("user", "master", "fault"),
    [
        (rotated(32.1), rotated(0), f"^{SECRET}: it was last rotated on .*, and rotates every 30 days$"),
        (rotated(0), rotated(9.1), "^master: it was last rotated on .*, and rotates every 7 days$"),
        (created(33), rotated(0), f"^{SECRET}: it was last rotated"),
        (rotated(0, RotationEnabled=False), rotated(0), f"^{SECRET}: its rotation is off$"),
        (rotated(0), {"CreatedDate": ago(1)}, "^master: its rotation is off$"),
        # As after a change of the schedule in the console.
        (rotated(90, RotationRules={"AutomaticallyAfterDays": 365}), rotated(0), f"^{SECRET}: it was last rotated"),
        (created(99), created(99), f"^{SECRET}: .*; master: "),
    ],
    ids=["late", "master-late", "never", "off", "master-off", "longer-schedule", "both"],
)
def test_the_check_fails_while_a_rotation_does_not_happen(
    rotation: ModuleType, secrets_manager: FakeSecretsManager, user: Any, master: Any, fault: str
) -> None:
    secrets_manager.rotations = {SECRET: user, "master": master}
    with pytest.raises(RuntimeError, match=fault):
        rotation.handler(CHECK, None)
