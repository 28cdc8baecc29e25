"""A PostgreSQL client inside Lambda, of the standard library alone: TLS, one way to log in, and statements.

The runtime has no certificates of RDS's authorities, so TLS alone cannot tell who answers. The log-in does: its proof
holds the hash of the certificate that this very channel was made with, and the server signs it with what it knows of
the password. Whoever stands between has a certificate of their own: they can neither pass the proof on nor sign it.
Therefore SCRAM with channel binding is the only log-in that is taken.
"""

import contextlib
import socket
import ssl
import struct

from payment_constructs.functions.certificate_hash import certificate_hash
from payment_constructs.functions.scram_exchange import ScramExchange

SECONDS = 45.0
"""How long the server may keep silent; one that paused needs up to half a minute to wake."""

TLS_REQUEST, PROTOCOL = 80877103, 3 << 16
LOGGED_IN, OFFERED, CONTINUED, COMPLETED = 0, 10, 11, 12
"""What the server says of a log-in, by number."""


class DatabaseError(Exception):
    """What the server refused, by its SQLSTATE and message."""


class UntrustedServerError(Exception):
    """The server did not prove that it is the database."""


class PostgresqlClient:
    """A session of one user, for a ``with`` block; it is over with the first error.

    Args:
        host: The server.
        port: Its port.
        database: The database inside it.
        user: Who logs in.
        password: Their password.

    Raises:
        DatabaseError: When the server refuses the user.
        UntrustedServerError: When the server has no TLS, another log-in, or no proof.
        ValueError: When the password is not printable ASCII, or the certificate signed in an unknown way.
        OSError: When the server does not answer.
    """

    def __init__(self, *, host: str, port: int, database: str, user: str, password: str) -> None:
        self._socket = encrypted(host, port)
        try:
            names = "".join(f"{each}\0" for each in ("user", user, "database", database))
            self._send(b"", struct.pack("!i", PROTOCOL) + names.encode() + b"\0")
            self._log_in(password)
            self._wait()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "PostgresqlClient":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._send(b"X", b"")
        self._socket.close()

    def run(self, statement: str) -> None:
        """Carries a statement out.

        Raises:
            DatabaseError: With what the server said, and without the statement, which may hold a password.
        """
        self._send(b"Q", statement.encode() + b"\0")
        self._wait()

    def _log_in(self, password: str) -> None:
        if ScramExchange.mechanism.encode() not in self._log_in_message(OFFERED).split(b"\0"):
            raise UntrustedServerError(f"the server does not offer {ScramExchange.mechanism}")
        certificate = self._socket.getpeercert(binary_form=True)
        assert certificate  # noqa: S101 - a TLS server has one
        exchange = ScramExchange(password=password, certificate=certificate_hash(certificate))
        try:
            first = exchange.first()
            self._send(b"p", exchange.mechanism.encode() + b"\0" + struct.pack("!i", len(first)) + first)
            self._send(b"p", exchange.answer(self._log_in_message(CONTINUED)))
            exchange.verify(self._log_in_message(COMPLETED))
        except ValueError as fault:
            raise UntrustedServerError(str(fault)) from None
        self._log_in_message(LOGGED_IN)

    def _log_in_message(self, number: int) -> bytes:
        kind, content = self._receive()
        if kind != b"R" or struct.unpack_from("!i", content) != (number,):
            raise UntrustedServerError(f"the server asks for another log-in than {ScramExchange.mechanism}")
        return content[4:]

    def _wait(self) -> None:
        """Until the server takes the next statement; rows, notices and settings are nobody's here."""
        while self._receive()[0] != b"Z":
            pass

    def _send(self, kind: bytes, content: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(content) + 4) + content)

    def _receive(self) -> tuple[bytes, bytes]:
        kind, length = struct.unpack("!ci", self._read(5))
        content = self._read(length - 4)
        if kind == b"E":
            fields = {field[:1]: field[1:].decode(errors="replace") for field in content.split(b"\0")}
            raise DatabaseError(f"{fields.get(b'C')}: {fields.get(b'M')}")
        return kind, content

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the server hung up")
            data += part
        return data


def encrypted(host: str, port: int) -> ssl.SSLSocket:
    """A TLS channel to a server that has yet to prove who it is; PostgreSQL asks for TLS in a message of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((host, port), timeout=SECONDS)
    try:
        plain.sendall(struct.pack("!ii", 8, TLS_REQUEST))
        # One byte: what is read beyond it would have come unencrypted.
        if plain.recv(1) != b"S":
            raise UntrustedServerError("the server has no TLS")
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise
