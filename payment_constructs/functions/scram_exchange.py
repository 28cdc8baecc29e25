"""The client's side of SCRAM-SHA-256-PLUS (RFC 5802, 7677); it runs inside Lambda."""

import base64
import hashlib
import hmac
import secrets

LEAST_ITERATIONS = 4096
"""PostgreSQL's own number: with fewer, whoever is shown a proof guesses the password sooner."""


class ScramExchange:
    """One log-in that is bound to one TLS channel.

    Args:
        password: What both sides know.
        certificate: The hash of the server's certificate, as this side of the channel sees it.
    """

    mechanism = "SCRAM-SHA-256-PLUS"
    _header = b"p=tls-server-end-point,,"

    def __init__(self, *, password: str, certificate: bytes) -> None:
        # SASLprep leaves these characters as they are, and has more to say about others than is worth its code here.
        if not (password.isascii() and password.isprintable()):
            raise ValueError("the password has other characters than printable ASCII")
        self._password, self._certificate = password.encode(), certificate
        self._nonce = base64.b64encode(secrets.token_bytes(24))
        self._expected = b""

    def first(self) -> bytes:
        """What begins the exchange; the name of the user stands in PostgreSQL's own messages."""
        return self._header + b"n=,r=" + self._nonce

    def answer(self, challenge: bytes) -> bytes:
        """The proof that this side knows the password, and that the channel is the server's.

        Raises:
            ValueError: When the challenge is another's, or makes the password cheap to guess.
        """
        said = dict(part.split(b"=", 1) for part in challenge.split(b","))
        fresh = said.get(b"r", b"").startswith(self._nonce) and said[b"r"] != self._nonce
        if not fresh or set(said) != {b"r", b"s", b"i"} or int(said[b"i"]) < LEAST_ITERATIONS:
            raise ValueError("the server's challenge is not to be trusted")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(said[b"s"]), int(said[b"i"]))
        channel = base64.b64encode(self._header + self._certificate)
        bare = b"c=" + channel + b",r=" + said[b"r"]
        transcript = b",".join((b"n=,r=" + self._nonce, challenge, bare))
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), transcript, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        self._expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), transcript, "sha256")
        return bare + b",p=" + base64.b64encode(proof)

    def verify(self, final: bytes) -> None:
        """Holds the server to its half of the proof.

        Raises:
            ValueError: When it does not know the password either.
        """
        if not self._expected or not hmac.compare_digest(final, b"v=" + base64.b64encode(self._expected)):
            raise ValueError("the server does not know the password: it is not the database")
