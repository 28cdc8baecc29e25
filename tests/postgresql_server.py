"""A PostgreSQL test server: one session with TLS and SCRAM-SHA-256-PLUS, which records the received messages."""

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import struct
import threading
from pathlib import Path
from typing import Self

HEADER = b"p=tls-server-end-point,,"
SALT = b"salt of the test"


def digest(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


class PostgresqlServer:
    """Serves one connection in a thread; tests set its attributes to cause protocol errors.

    Args:
        certificate: PEM file with a private key and its certificate.
        bound_to: Certificate hash that the client must use for channel binding (RFC 5929).
        password: Password of the database user.
    """

    def __init__(self, *, certificate: Path, bound_to: bytes, password: str) -> None:
        self.bound_to, self.password = bound_to, password
        self.tls, self.request = b"S", struct.pack("!i", 10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
        self.iterations, self.nonce = 4096, b"of the server"
        self.signing_key_input: str | None = None
        self.skips_scram = self.closes_connection = False
        self.statement_error: bytes | None = None
        self.received: list[tuple[bytes, bytes]] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        self._listener.settimeout(10)
        plain, _ = self._listener.accept()
        plain.settimeout(10)
        with plain, contextlib.suppress(OSError):  # a client that refuses the server closes the connection
            assert plain.recv(8) == struct.pack("!ii", 8, 80877103)
            plain.sendall(self.tls)
            if self.tls == b"S":
                with self._context.wrap_socket(plain, server_side=True) as channel, channel.makefile("rb") as stream:
                    self._channel, self._stream = channel, stream
                    self._session()

    def _session(self) -> None:
        self.received.append((b"", self._stream.read(struct.unpack("!i", self._stream.read(4))[0] - 4)))
        if not self.closes_connection and self._logged_in():
            self._send(b"R", struct.pack("!i", 0))
            self._send(b"S", b"server_version\x0017\0")
            self._send(b"Z", b"I")
            while self._receive() == b"Q":
                if self.statement_error:
                    self._send(b"E", self.statement_error)
                self._send(b"C", b"DONE\0")
                self._send(b"Z", b"I")

    def _logged_in(self) -> bool:
        self._send(b"R", self.request)
        if not self._receive():
            return False
        if self.skips_scram:
            return True
        mechanism, _, first = self.received[-1][1].partition(b"\0")
        assert mechanism == b"SCRAM-SHA-256-PLUS"
        assert first[4:].startswith(HEADER + b"n=,r=")
        bare = first[4:].removeprefix(HEADER)
        nonce = bare.removeprefix(b"n=,r=") + self.nonce
        challenge = b"r=%b,s=%b,i=%d" % (nonce, base64.b64encode(SALT), self.iterations)
        self._send(b"R", struct.pack("!i", 11) + challenge)
        if not self._receive():
            return False
        final, _, proof = self.received[-1][1].rpartition(b",p=")
        transcript = b",".join((bare, challenge, final))
        key = digest(self._salted(self.password), b"Client Key")
        signature = digest(hashlib.sha256(key).digest(), transcript)
        bound = final == b"c=" + base64.b64encode(HEADER + self.bound_to) + b",r=" + nonce
        if not bound or base64.b64decode(proof) != bytes(a ^ b for a, b in zip(key, signature, strict=True)):
            self._send(b"E", b"SFATAL\0C28P01\0Mpassword authentication failed\0\0")
            return False
        ours = digest(digest(self._salted(self.signing_key_input or self.password), b"Server Key"), transcript)
        self._send(b"R", struct.pack("!i", 12) + b"v=" + base64.b64encode(ours))
        return True

    def _salted(self, password: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, self.iterations)

    def _send(self, kind: bytes, content: bytes) -> None:
        self._channel.sendall(kind + struct.pack("!i", len(content) + 4) + content)

    def _receive(self) -> bytes:
        head = self._stream.read(5)
        if len(head) < 5:
            return b""
        kind, length = struct.unpack("!ci", head)
        self.received.append((kind, self._stream.read(length - 4)))
        return bytes(kind)
