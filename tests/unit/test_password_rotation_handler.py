"""The password rotation handler: two alternating users, idempotent steps, and no statement for other users."""

import importlib
import json
import ssl
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from pg8000.native import DatabaseError

from payment_constructs.database_user import rds_certificate_authorities

ROTATION_TIMEOUT_SECONDS = 120
SECRET, TOKEN = "payment-database-user-dev", "version-2"
MASTER = {"username": "payment_master", "password": "of ~{characters}"}  # pragma: allowlist secret
CURRENT = {"host": "db", "username": "payment_app_a", "password": "a" * 40}


class NotFoundError(Exception):
    """The error of Secrets Manager for a missing staging label."""


class FakeSecretsManager:
    """Secrets Manager with the master secret and one rotating secret with its versions."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFoundError)

    def __init__(self) -> None:
        self.values = {"version-1": json.dumps(CURRENT)}
        self.stages = {"version-1": ["AWSCURRENT"]}

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

    def describe_secret(self, **_: str) -> Any:
        return {"VersionIdsToStages": self.stages}

    def update_secret_version_stage(self, *, MoveToVersionId: str, RemoveFromVersionId: str, **_: str) -> None:  # noqa: N803
        self.stages[RemoveFromVersionId] = ["AWSPREVIOUS"]
        self.stages[MoveToVersionId] = ["AWSCURRENT", "AWSPENDING"]

    def pending(self) -> dict[str, str]:
        value: dict[str, str] = json.loads(self.values[TOKEN])
        return value


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
        return nullcontext(SimpleNamespace(run=lambda statement: self.statements.append((user, statement))))

    def master_statements(self) -> list[str]:
        return [statement for user, statement in self.statements if user == MASTER["username"]]


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
    clients = {"secretsmanager": secrets_manager}
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    names = {
        "HOST": "writer",
        "PORT": "5433",
        "MASTER_SECRET": "master",  # pragma: allowlist secret
        "DATABASE": "payments",
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


def step(rotation: ModuleType, name: str) -> None:
    rotation.handler({"Step": name, "SecretId": SECRET, "ClientRequestToken": TOKEN}, None)


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


def test_set_secret_allows_both_users_to_log_in(
    rotation: ModuleType, secrets_manager: FakeSecretsManager, database: FakeDatabase
) -> None:
    step(rotation, "createSecret")
    step(rotation, "setSecret")
    statements = database.master_statements()
    assert "ALTER ROLE payment_app_a WITH LOGIN PASSWORD '" + "a" * 40 + "'" in statements
    assert f"ALTER ROLE payment_app_b WITH LOGIN PASSWORD '{secrets_manager.pending()['password']}'" in statements
    assert {"GRANT payment_app TO payment_app_a", "GRANT payment_app TO payment_app_b"} <= set(statements)


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
    assert database.statements == [("payment_app_b", "SELECT 1")]
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
