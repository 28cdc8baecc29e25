"""The rotation inside the templates: two users take turns, every step can be asked for twice, strangers are refused."""

import importlib
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest

SECRET, TOKEN = "payment-database-user-dev", "version-2"
CURRENT = {"host": "db", "username": "payment_app_a", "password": "a" * 40}


class NotFoundError(Exception):
    """What Secrets Manager says of a stage that is not there."""


class FakeVault:
    """One secret with its versions."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFoundError)

    def __init__(self) -> None:
        self.values = {"version-1": json.dumps(CURRENT)}
        self.stages = {"version-1": ["AWSCURRENT"]}

    def get_secret_value(self, *, SecretId: str, VersionStage: str, VersionId: str | None = None) -> Any:  # noqa: N803
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
    """Notes the statements; answers a question with the rows that it was given."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.rows: list[Any] = [[{"longValue": 1}]]

    def execute_statement(self, *, sql: str, database: str, resourceArn: str, secretArn: str) -> Any:  # noqa: N803
        assert (database, resourceArn, secretArn) == ("payments", "cluster", "master")
        self.statements.append(sql)
        return {"records": self.rows}


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch, vault: FakeVault, database: FakeDatabase) -> ModuleType:
    clients = {"secretsmanager": vault, "rds-data": database}
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    names = {"CLUSTER": "cluster", "MASTER_SECRET": "master", "DATABASE": "payments"}  # pragma: allowlist secret
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "payment_constructs.password_rotation_handler", raising=False)
    return importlib.import_module("payment_constructs.password_rotation_handler")


def step(rotation: ModuleType, name: str) -> None:
    rotation.handler({"Step": name, "SecretId": SECRET, "ClientRequestToken": TOKEN}, None)


def test_the_other_user_gets_a_new_password(rotation: ModuleType, vault: FakeVault) -> None:
    step(rotation, "createSecret")
    pending = vault.pending()
    assert (pending["host"], pending["username"]) == ("db", "payment_app_b")
    assert len(pending["password"]) == 40
    assert pending["password"].isalnum()


def test_users_take_turns(rotation: ModuleType, vault: FakeVault) -> None:
    vault.values["version-1"] = json.dumps(CURRENT | {"username": "payment_app_b"})
    step(rotation, "createSecret")
    assert vault.pending()["username"] == "payment_app_a"


def test_a_password_is_made_once_however_often_the_step_is_asked_for(rotation: ModuleType, vault: FakeVault) -> None:
    step(rotation, "createSecret")
    first = vault.pending()
    step(rotation, "createSecret")
    assert vault.pending() == first


def test_both_users_may_log_in_after_the_second_step(
    rotation: ModuleType, vault: FakeVault, database: FakeDatabase
) -> None:
    step(rotation, "createSecret")
    step(rotation, "setSecret")
    assert "ALTER ROLE payment_app_a WITH LOGIN PASSWORD '" + "a" * 40 + "'" in database.statements
    assert f"ALTER ROLE payment_app_b WITH LOGIN PASSWORD '{vault.pending()['password']}'" in database.statements
    assert {"GRANT payment_app TO payment_app_a", "GRANT payment_app TO payment_app_b"} <= set(database.statements)


@pytest.mark.parametrize("change", [{"username": "postgres"}, {"password": "x'; DROP ROLE payment_app; --"}])
def test_a_user_or_password_that_is_not_ours_reaches_no_statement(
    rotation: ModuleType, vault: FakeVault, database: FakeDatabase, change: dict[str, str]
) -> None:
    step(rotation, "createSecret")
    vault.values[TOKEN] = json.dumps(vault.pending() | change)
    with pytest.raises(ValueError, match="not of this rotation"):
        step(rotation, "setSecret")
    assert not any(value in statement for value in change.values() for statement in database.statements)


def test_a_user_that_cannot_log_in_fails_the_rotation(rotation: ModuleType, database: FakeDatabase) -> None:
    step(rotation, "createSecret")
    step(rotation, "testSecret")
    database.rows = []
    with pytest.raises(RuntimeError, match="payment_app_b cannot log in"):
        step(rotation, "testSecret")


def test_the_new_user_becomes_the_current_one_once(rotation: ModuleType, vault: FakeVault) -> None:
    step(rotation, "createSecret")
    for _ in range(2):
        step(rotation, "finishSecret")
    assert "AWSCURRENT" in vault.stages[TOKEN]
    assert vault.stages["version-1"] == ["AWSPREVIOUS"]
