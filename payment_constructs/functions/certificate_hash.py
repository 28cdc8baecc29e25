"""The hash that stands for a server's certificate where a log-in is bound to its TLS channel; it runs inside Lambda."""

import hashlib

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


def certificate_hash(certificate: bytes) -> bytes:
    """The hash by the function that the certificate was signed with (``tls-server-end-point``, RFC 5929, section 4.1).

    Raises:
        ValueError: When that function is not known.
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
    """Where the content of the DER element there begins and ends."""
    length, start = der[at + 1], at + 2
    if length & 128:  # as many bytes of length follow as the other bits say
        start += length & 127
        length = int.from_bytes(der[at + 2 : start], "big")
    return start, start + length
