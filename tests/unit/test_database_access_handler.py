"""The function that runs statements of people: on a PostgreSQL server whose users the password rotation created."""

import importlib
import json
import re
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from pg8000.native import Connection, DatabaseError

from payment_constructs.database_function import rds_certificate_authorities
from tests.postgresql import Server, as_rds_creates_it, postgresql

REQUEST = {"caller": "ada", "reason": "INC-1"}
MASTER, TOKEN = "of the master", "signed"  # pragma: allowlist secret
MODULES = "payment_constructs.functions"
HOME = "abc.eu-west-1.rds.amazonaws.com"
CARD = "4000000000000002"

Ask = Callable[..., dict[str, Any]]


class FakeRds:
    """The client that signs tokens."""

    def generate_db_auth_token(self, *, DBHostname: str, Port: int, DBUsername: str) -> str:  # noqa: N803
        assert (DBHostname.partition(".")[2][-len(HOME) :], Port) == (HOME, 5433)
        return f"{TOKEN} {DBUsername}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


def imported(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for variable, value in {
        "HOST": f"payment-database-dev.cluster-{HOME}",
        "PORT": "5433",
        "DATABASE": "payments",
    }.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda _: FakeRds())
    monkeypatch.delitem(sys.modules, f"{MODULES}.{name}", raising=False)
    return importlib.import_module(f"{MODULES}.{name}")


@pytest.fixture
def aurora(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The database after a rotation, in which the application has a table; a user's password is its token."""
    rotation = imported("password_rotation", monkeypatch)
    with as_rds_creates_it(server, password=MASTER):
        with server.connect("payment_master", password=MASTER, database="payments") as master:
            for statement in ("CREATE ROLE payment_app NOLOGIN", "CREATE ROLE payment_app_a LOGIN PASSWORD 'of a'"):
                master.run(statement)
            for statement in ("CREATE ROLE payment_app_b LOGIN", "GRANT payment_app TO payment_app_a, payment_app_b"):
                master.run(statement)
            for user in ("payment_app_a", "payment_app_b"):
                master.run(f"GRANT {user} TO CURRENT_USER")
                master.run(f"ALTER ROLE {user} SET ROLE payment_app")
            master.run("GRANT CREATE ON DATABASE payments TO payment_app")
            with application(server) as tasks:
                tasks.run("CREATE SCHEMA ledger")
                tasks.run("CREATE TABLE ledger.entries (id int PRIMARY KEY, card text UNIQUE, at timestamptz)")
            rotation.admit_people(master)
        with server.connect() as superuser:
            for user in ("payment_people_read", "payment_people_write"):
                superuser.run(f"ALTER ROLE {user} PASSWORD '{TOKEN} {user}'")
        with application(server) as tasks:
            tasks.run("INSERT INTO ledger.entries VALUES (1, :card, '2026-11-27T00:00Z')", card=CARD)
        yield server


def application(server: Server) -> Connection:
    return server.connect("payment_app_a", password="of a", database="payments")  # noqa: S106 - of a test  # pragma: allowlist secret


@pytest.fixture
def access(aurora: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, whose connections lead to the server."""
    module = imported("database_access", monkeypatch)
    authorities = tmp_path / "rds-ca.pem"
    authorities.write_text(rds_certificate_authorities())
    monkeypatch.setattr(module, "AUTHORITIES", authorities)

    def connect(user: str, *, ssl_context: ssl.SSLContext, password: str, **given: Any) -> Connection:
        assert ssl_context.verify_mode is ssl.CERT_REQUIRED
        assert ssl_context.check_hostname
        assert ssl_context.get_ca_certs(), "load the RDS authorities into the TLS context"
        assert (given["port"], given["database"]) == (5433, "payments")
        monkeypatch.setattr(module, "reached", given["host"], raising=False)
        return aurora.connect(user, password=password, database="payments")

    monkeypatch.setattr(module, "Connection", connect)
    return module


@pytest.fixture
def ask(access: ModuleType) -> Ask:
    def ask(statement: str, **more: object) -> dict[str, Any]:
        context = SimpleNamespace(aws_request_id="request-1")
        answer: dict[str, Any] = access.handler({"statement": statement, **REQUEST, **more}, context)
        return dict(json.loads(json.dumps(answer)))  # as Lambda answers

    return ask


def test_a_statement_reads_what_the_application_owns(ask: Ask) -> None:
    assert ask("SELECT * FROM ledger.entries;") == {
        "columns": ["id", "card", "at"],
        "rows": [[1, CARD, "2026-11-27 00:00:00+00:00"]],
        "count": 1,
        "complete": True,
    }
    assert ask("show port")["count"] == 1
    assert ask("EXPLAIN SELECT FROM ledger.entries")["count"] > 0


def test_tables_that_a_later_release_creates_are_readable_too(aurora: Server, ask: Ask) -> None:
    with application(aurora) as tasks:
        tasks.run("CREATE SCHEMA later")
        tasks.run("CREATE TABLE later.refunds AS SELECT 7 AS amount")
    assert ask("TABLE later.refunds")["rows"] == [[7]]


CHANGES = (
    "INSERT INTO ledger.entries VALUES (2)",
    "UPDATE ledger.entries SET card = NULL",
    "DELETE FROM ledger.entries",
    "TRUNCATE ledger.entries",
    "DROP TABLE ledger.entries",
    "WITH gone AS (DELETE FROM ledger.entries RETURNING id) SELECT id FROM gone",
    "CREATE TABLE ledger.others ()",
    "ALTER ROLE payment_people_read RESET ALL",
    "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM ledger.entries; END $$",
)


@pytest.mark.parametrize("statement", CHANGES)
def test_a_change_is_refused_without_the_switch(aurora: Server, ask: Ask, statement: str) -> None:
    assert "error" in ask(statement)
    with application(aurora) as tasks:
        assert tasks.run("SELECT id, card FROM ledger.entries") == [[1, CARD]]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_readers_privileges_refuse_a_change_in_any_transaction(
    aurora: Server, access: ModuleType, statement: str
) -> None:
    with access.connect({}) as reader:
        if "RESET ALL" in statement:
            reader.run(statement)
        else:
            with pytest.raises(DatabaseError, match="42501"):  # privileges, not a read-only transaction
                reader.run(statement)
        audited = "SELECT rolconfig FROM pg_roles WHERE rolname = current_user"
        assert reader.run(audited) == [[["pgaudit.log=all"]]]
    with application(aurora) as tasks:
        assert tasks.run("SELECT id, card FROM ledger.entries") == [[1, CARD]]
        assert tasks.run("SELECT to_regclass('ledger.others')") == [[None]]


def test_a_change_with_the_switch_is_committed(aurora: Server, ask: Ask) -> None:
    assert ask("UPDATE ledger.entries SET card = NULL", write=True)["count"] == 1
    assert ask("INSERT INTO ledger.entries (id) VALUES (2) RETURNING id", write=True)["rows"] == [[2]]
    with application(aurora) as tasks:
        assert tasks.run("SELECT id, card FROM ledger.entries ORDER BY id") == [[1, None], [2, None]]


def test_what_a_person_creates_belongs_to_the_application(aurora: Server, ask: Ask) -> None:
    ask("CREATE TABLE ledger.corrections AS SELECT 1 AS id", write=True)
    assert ask("TABLE ledger.corrections")["rows"] == [[1]]
    with application(aurora) as tasks:
        tasks.run("ALTER TABLE ledger.corrections ADD reason text")
        tasks.run("DROP TABLE ledger.corrections")


@pytest.mark.parametrize(
    ("on", "endpoint"),
    [
        ("writer", "payment-database-dev.cluster-"),
        ("reader", "payment-database-dev.cluster-ro-"),
        ("restored", "payment-database-dev-restored.cluster-"),
        ("before", "payment-database-dev-before.cluster-"),
    ],
)
def test_a_statement_runs_on_the_database_that_it_names(ask: Ask, access: ModuleType, on: str, endpoint: str) -> None:
    for write in (False, True):
        assert ask("SELECT 1", on=on, write=write)["rows"] == [[1]]
        assert access.reached == f"{endpoint}{HOME}"


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("separator", [";", "; COMMIT;"])
def test_a_second_statement_is_refused_with_the_first(aurora: Server, ask: Ask, write: bool, separator: str) -> None:
    for first in ("SELECT 1", "SHOW port", "INSERT INTO ledger.entries (id) VALUES (3)"):
        several = f"{first}{separator} TRUNCATE ledger.entries"
        assert "multiple commands" in ask(several, write=write)["error"]
    with application(aurora) as tasks:
        assert tasks.run("SELECT id FROM ledger.entries") == [[1]]


def test_a_session_of_the_application_is_seen_and_ended(aurora: Server, ask: Ask) -> None:
    with aurora.connect() as superuser:
        superuser.run("GRANT pg_read_all_stats TO payment_people_read")
    tasks = application(aurora)
    tasks.run("BEGIN")
    tasks.run("SELECT FROM ledger.entries")
    activity = "SELECT pid, query FROM pg_stat_activity WHERE state = 'idle in transaction'"
    ((pid, query),) = ask(activity)["rows"]
    assert query == "SELECT FROM ledger.entries"
    assert "error" in ask(f"SELECT pg_terminate_backend({pid})"), "the reader ends no session"
    assert ask(f"SELECT pg_terminate_backend({pid})", write=True)["rows"] == [[True]]
    with pytest.raises(Exception, match=r"terminat|network"):
        tasks.run("SELECT 1")


def test_an_answer_has_as_many_rows_as_fit(access: ModuleType, ask: Ask) -> None:
    many = ask("SELECT generate_series(1, 1000000)")
    assert (len(many["rows"]), many["complete"]) == (access.ROWS, False)
    large = ask("SELECT repeat('x', 90000) FROM generate_series(1, 50)")
    assert (len(large["rows"]), large["complete"]) == (2, False)


def test_a_statement_ends_before_the_function_does(
    ask: Ask, access: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Connection.run
    limits = []

    def shorter(self: Connection, sql: str) -> Any:
        limits.extend(re.findall(r"statement_timeout = '(.+)'", sql))
        return run(self, re.sub(r"statement_timeout = '.+'", "statement_timeout = '50ms'", sql))

    monkeypatch.setattr(Connection, "run", shorter)
    assert "statement timeout" in ask("SELECT pg_sleep(9)")["error"]
    assert "statement timeout" in ask("SELECT pg_sleep(9)", minutes=access.MOST_MINUTES)["error"]
    assert limits == ["20s", "780s"]
    assert 2 * access.SECONDS + access.GRACE_SECONDS < 60, "connecting and the statement, before the CLI asks again"
    assert access.MOST_MINUTES * 60 + 2 * access.GRACE_SECONDS < 15 * 60, "the timeout of the function"


def test_a_person_freezes_a_table_of_the_application(ask: Ask) -> None:
    frozen = "SELECT age(relfrozenxid) FROM pg_class WHERE oid = 'ledger.entries'::regclass"
    ((before,),) = ask(frozen)["rows"]
    assert before > 0
    assert "error" not in ask("VACUUM (FREEZE) ledger.entries", write=True, minutes=13)
    assert ask(frozen)["rows"] == [[0]]


def test_each_request_is_recorded_before_it_runs_and_no_data_ever(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    ask("SELECT card FROM ledger.entries")
    answer = ask("INSERT INTO ledger.entries SELECT 2, card FROM ledger.entries", write=True)
    assert answer["error"].startswith("23505")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"request": "request-1", "statement": "SELECT card FROM ledger.entries", **REQUEST},
        {"request": "request-1", "rows": 1},
        {
            "request": "request-1",
            "statement": "INSERT INTO ledger.entries SELECT 2, card FROM ledger.entries",
            **REQUEST,
            "write": True,
        },
        {"request": "request-1", "refused": "23505"},
    ]
    assert CARD not in "".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        {"caller": ""},
        {"reason": " "},
        {"statement": None},
        {"write": "true"},
        {"on": "payment-database-prod"},
        {"minutes": 14},
        {"minutes": 0.5},
        {"RequestType": "Create", "ResourceProperties": {}},
    ],
)
def test_an_incomplete_request_is_refused_before_the_database_is_asked(
    access: ModuleType, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.delattr(access, "Connection")
    with pytest.raises(ValueError, match="Give statement, caller, reason"):
        access.handler({"statement": "SELECT 1", **REQUEST, **change}, None)


def test_pgaudit_logs_every_statement_of_people_before_they_can_log_in(aurora: Server) -> None:
    with aurora.connect() as superuser:
        found = superuser.run(
            "SELECT rolname::text, rolconfig, pg_has_role(oid, 'rds_iam', 'MEMBER') FROM pg_roles "
            "WHERE rolname LIKE 'payment_people_%' ORDER BY rolname"
        )
    assert found == [
        ["payment_people_read", ["pgaudit.log=all"], True],
        ["payment_people_write", ["pgaudit.log=all"], True],
    ]
    statements = aurora.log.read_text()
    for user in ("payment_people_read", "payment_people_write"):
        audited = statements.rindex(f"ALTER ROLE {user} SET pgaudit.log = 'all'")
        assert audited < statements.rindex(f"GRANT rds_iam TO {user}")
