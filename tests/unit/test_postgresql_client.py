"""The PostgreSQL client of the rotation function: SCRAM-SHA-256-PLUS with channel binding, and no other log-in."""

import hashlib
import struct
from pathlib import Path

import pytest

from payment_constructs.functions.postgresql_client import (
    DatabaseError,
    PostgresqlClient,
    UntrustedServerError,
    certificate_hash,
)
from tests.certificates import ECDSA_SHA256, ECDSA_SHA384, make_certificate, write_server_certificate
from tests.postgresql_server import PostgresqlServer

PASSWORD = "of printable ~{characters}, 40 of them"  # noqa: S105 # pragma: allowlist secret
STATEMENT = "ALTER ROLE payment_app_a WITH LOGIN PASSWORD 'hidden'"  # pragma: allowlist secret


@pytest.fixture
def server(tmp_path: Path) -> PostgresqlServer:
    path, certificate = write_server_certificate(tmp_path)
    return PostgresqlServer(certificate=path, bound_to=hashlib.sha256(certificate).digest(), password=PASSWORD)


def connect(server: PostgresqlServer, *, password: str = PASSWORD) -> PostgresqlClient:
    return PostgresqlClient(
        host="127.0.0.1", port=server.port, database="payments", user="payment_master", password=password
    )


def received_bytes(server: PostgresqlServer) -> bytes:
    return b"".join(content for _, content in server.received)


def test_the_client_logs_in_with_scram_and_runs_statements(server: PostgresqlServer) -> None:
    with server, connect(server) as session:
        session.run(STATEMENT)
        session.run("SELECT 1")
    assert server.received[0] == (b"", struct.pack("!i", 196608) + b"user\0payment_master\0database\0payments\0\0")
    assert [kind for kind, _ in server.received] == [b"", b"p", b"p", b"Q", b"Q", b"X"]
    assert server.received[3][1] == STATEMENT.encode() + b"\0"
    assert PASSWORD.encode() not in received_bytes(server)


def test_channel_binding_uses_the_hash_of_the_certificate_signature(tmp_path: Path) -> None:
    path, certificate = write_server_certificate(tmp_path, signed_with=ECDSA_SHA384)
    bound_to = hashlib.sha384(certificate).digest()
    server = PostgresqlServer(certificate=path, bound_to=bound_to, password=PASSWORD)
    with server, connect(server) as session:
        session.run("SELECT 1")


def test_the_certificate_hash_follows_its_signature_algorithm() -> None:
    rsa = "2a864886f70d0101"  # pragma: allowlist secret
    for algorithm, name in (
        (ECDSA_SHA256, "sha256"),
        (f"{rsa}0b", "sha256"),
        (f"{rsa}0c", "sha384"),
        (f"{rsa}0d", "sha512"),
    ):
        certificate = make_certificate(signed_with=algorithm, key=bytes(65))
        assert certificate_hash(certificate) == hashlib.new(name, certificate).digest()
    with pytest.raises(ValueError, match="no hash is known"):
        certificate_hash(make_certificate(signed_with=f"{rsa}04", key=bytes(65)))


def test_the_server_refuses_a_wrong_password(server: PostgresqlServer) -> None:
    with server, pytest.raises(DatabaseError, match="28P01: password authentication failed"):
        connect(server, password="another")  # noqa: S106 # pragma: allowlist secret


def test_a_proof_is_invalid_on_another_tls_channel(server: PostgresqlServer) -> None:
    # A man in the middle would forward a proof that contains the hash of its own certificate.
    server.bound_to = hashlib.sha256(b"the database's certificate").digest()
    with server, pytest.raises(DatabaseError, match="28P01"):
        connect(server)


def test_a_server_without_the_password_receives_no_statement(server: PostgresqlServer) -> None:
    server.signing_key_input = "guessed"
    with server, pytest.raises(UntrustedServerError, match="does not know the password"):
        connect(server)
    assert b"Q" not in [kind for kind, _ in server.received]


def test_a_server_that_skips_scram_is_refused(server: PostgresqlServer) -> None:
    server.skips_scram = True
    with server, pytest.raises(UntrustedServerError, match="another log-in"):
        connect(server)


@pytest.mark.parametrize(
    "request_",
    [
        struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0",
        struct.pack("!i", 5) + b"salt",
        struct.pack("!i", 3),
        struct.pack("!i", 0),
    ],
    ids=["plain SCRAM", "MD5", "cleartext", "none"],
)
def test_the_client_refuses_every_other_authentication_method(server: PostgresqlServer, request_: bytes) -> None:
    server.request = request_
    with server, pytest.raises(UntrustedServerError, match="SCRAM-SHA-256-PLUS"):
        connect(server)
    assert len(server.received) == 1


def test_a_server_without_tls_receives_nothing(server: PostgresqlServer) -> None:
    server.tls = b"N"
    with server, pytest.raises(UntrustedServerError, match="no TLS"):
        connect(server)
    assert not server.received


@pytest.mark.parametrize(("iterations", "nonce"), [(4095, b"fresh"), (4096, b""), (4096, b"fresh,m=more")])
def test_a_weak_or_malformed_challenge_is_refused(server: PostgresqlServer, iterations: int, nonce: bytes) -> None:
    server.iterations, server.nonce = iterations, nonce
    with server, pytest.raises(UntrustedServerError, match="challenge"):
        connect(server)
    assert [kind for kind, _ in server.received] == [b"", b"p"]


def test_a_password_outside_printable_ascii_is_refused(server: PostgresqlServer) -> None:
    with server, pytest.raises(ValueError, match="printable ASCII"):
        connect(server, password="pässword")  # noqa: S106 # pragma: allowlist secret


def test_a_database_error_does_not_contain_the_statement(server: PostgresqlServer) -> None:
    server.statement_error = b"SERROR\0C42501\0Mpermission denied\0q" + STATEMENT.encode() + b"\0\0"
    with server, pytest.raises(DatabaseError) as refused, connect(server) as session:
        session.run(STATEMENT)
    assert str(refused.value) == "42501: permission denied"


def test_a_connection_closed_by_the_server_raises_an_error(server: PostgresqlServer) -> None:
    server.closes_connection = True
    with server, pytest.raises(ConnectionError, match="hung up"):
        connect(server)
