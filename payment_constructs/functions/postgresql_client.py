"""PostgreSQL client for Lambda, with the standard library only: TLS, SCRAM-SHA-256-PLUS and simple queries.

The Lambda runtime does not have the certificate authorities of RDS, so TLS alone cannot authenticate the server. SCRAM
with channel binding does (RFC 5802, 7677): the client's proof covers the hash of the certificate of this TLS channel,
and the server signs it with its knowledge of the password. A man in the middle has another certificate, so it can
neither forward the proof nor sign it. Therefore the client accepts no other authentication.
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import struct

MECHANISM = "SCRAM-SHA-256-PLUS"
CHANNEL_BINDING = b"p=tls-server-end-point,,"
MIN_ITERATIONS = 4096
"""PostgreSQL's default; fewer make it cheaper to guess the password from a proof."""

TIMEOUT_SECONDS = 45.0
"""For each answer of the server; a paused one takes up to half a minute to resume."""

TLS_REQUEST, PROTOCOL = 80877103, 3 << 16
LOGGED_IN, OFFERED, CONTINUED, COMPLETED = 0, 10, 11, 12
"""The server's authentication messages, by number."""

RSA, ECDSA = "2a864886f70d0101", "2a8648ce3d0403"  # pragma: allowlist secret
DIGESTS = {
    RSA + "0b": "sha256",
    RSA + "0c": "sha384",
    RSA + "0d": "sha512",
    ECDSA + "02": "sha256",
    ECDSA + "03": "sha384",
    ECDSA + "04": "sha512",
}
"""The hash function of a signature, by the signature's object identifier."""


class DatabaseError(Exception):
    """An error message of the server, with its SQLSTATE."""


class UntrustedServerError(Exception):
    """The server did not prove that it is the database."""


class PostgresqlClient:
    """A session of one user, for a ``with`` block; it ends with the first error.

    Raises:
        DatabaseError: When the server refuses the user.
        UntrustedServerError: When the server offers no TLS, another authentication, or no proof.
        ValueError: When the password is not printable ASCII, or the certificate's signature algorithm is unknown.
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
        """Executes a statement.

        Raises:
            DatabaseError: With the server's message but not the statement, which may contain a password.
        """
        self._send(b"Q", statement.encode() + b"\0")
        self._wait()

    def _log_in(self, password: str) -> None:
        if MECHANISM.encode() not in self._log_in_message(OFFERED).split(b"\0"):
            raise UntrustedServerError(f"the server does not offer {MECHANISM}")
        certificate = self._socket.getpeercert(binary_form=True)
        assert certificate  # noqa: S101 - a TLS server has one
        exchange = ScramExchange(password=password, certificate=certificate_hash(certificate))
        try:
            first = exchange.first()
            self._send(b"p", MECHANISM.encode() + b"\0" + struct.pack("!i", len(first)) + first)
            self._send(b"p", exchange.answer(self._log_in_message(CONTINUED)))
            exchange.verify(self._log_in_message(COMPLETED))
        except ValueError as fault:
            raise UntrustedServerError(str(fault)) from None
        self._log_in_message(LOGGED_IN)

    def _log_in_message(self, number: int) -> bytes:
        kind, content = self._receive()
        if kind != b"R" or struct.unpack_from("!i", content) != (number,):
            raise UntrustedServerError(f"the server asks for another log-in than {MECHANISM}")
        return content[4:]

    def _wait(self) -> None:
        """Until the server is ready for the next statement; ignores rows, notices and settings."""
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
    """A TLS channel to a server that is not authenticated yet; PostgreSQL starts TLS with a message of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((host, port), timeout=TIMEOUT_SECONDS)
    try:
        plain.sendall(struct.pack("!ii", 8, TLS_REQUEST))
        # One byte only: any further one was sent unencrypted.
        if plain.recv(1) != b"S":
            raise UntrustedServerError("the server has no TLS")
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


class ScramExchange:
    """The client's side of one SCRAM authentication, bound to the hash of the server's certificate."""

    def __init__(self, *, password: str, certificate: bytes) -> None:
        # SASLprep does not change printable ASCII; its rules for other characters are not implemented here.
        if not (password.isascii() and password.isprintable()):
            raise ValueError("the password has other characters than printable ASCII")
        self._password, self._certificate = password.encode(), certificate
        self._nonce = base64.b64encode(secrets.token_bytes(24))
        self._expected = b""

    def first(self) -> bytes:
        """The first message, without the user name, which PostgreSQL sends in its own messages."""
        return CHANNEL_BINDING + b"n=,r=" + self._nonce

    def answer(self, challenge: bytes) -> bytes:
        """The proof that the client knows the password and uses the server's TLS channel.

        Raises:
            ValueError: When the challenge does not answer the first message, or makes the password cheap to guess.
        """
        said = dict(part.split(b"=", 1) for part in challenge.split(b","))
        fresh = said.get(b"r", b"").startswith(self._nonce) and said[b"r"] != self._nonce
        if not fresh or set(said) != {b"r", b"s", b"i"} or int(said[b"i"]) < MIN_ITERATIONS:
            raise ValueError("the server's challenge is not to be trusted")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(said[b"s"]), int(said[b"i"]))
        channel = base64.b64encode(CHANNEL_BINDING + self._certificate)
        bare = b"c=" + channel + b",r=" + said[b"r"]
        transcript = b",".join((b"n=,r=" + self._nonce, challenge, bare))
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), transcript, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        self._expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), transcript, "sha256")
        return bare + b",p=" + base64.b64encode(proof)

    def verify(self, final: bytes) -> None:
        """Checks the server's signature.

        Raises:
            ValueError: When the server does not know the password.
        """
        if not self._expected or not hmac.compare_digest(final, b"v=" + base64.b64encode(self._expected)):
            raise ValueError("the server does not know the password: it is not the database")


def certificate_hash(certificate: bytes) -> bytes:
    """The hash with the certificate's own hash function (``tls-server-end-point``, RFC 5929, section 4.1).

    Raises:
        ValueError: When the signature algorithm is unknown.
    """
    inside, _ = der_content(certificate, 0)
    _, after_what_is_signed = der_content(certificate, inside)
    algorithm, _ = der_content(certificate, after_what_is_signed)
    start, end = der_content(certificate, algorithm)
    identifier = certificate[start:end].hex()
    if identifier not in DIGESTS:
        raise ValueError(f"no hash is known for a certificate with a signature of {identifier}")
    return hashlib.new(DIGESTS[identifier], certificate).digest()


def der_content(der: bytes, at: int) -> tuple[int, int]:
    """Start and end of the content of the DER element at this offset."""
    length, start = der[at + 1], at + 2
    if length & 128:  # the other bits give the number of length bytes that follow
        start += length & 127
        length = int.from_bytes(der[at + 2 : start], "big")
    return start, start + length
