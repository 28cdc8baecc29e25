"""TLS certificates for test servers, made without a library: the key pair is real, the signature is a placeholder."""

import base64
import secrets
from pathlib import Path

# The curve P-256 (a = -3): its prime, its generator and the order of the generator.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,  # pragma: allowlist secret
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,  # pragma: allowlist secret
)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ECDSA_SHA256, ECDSA_SHA384 = "2a8648ce3d040302", "2a8648ce3d040303"  # pragma: allowlist secret
EC_PUBLIC_KEY, PRIME256V1, COMMON_NAME = "2a8648ce3d0201", "2a8648ce3d030107", "550403"  # pragma: allowlist secret


def add(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """The sum of two points of the curve; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def public(private: int) -> bytes:
    """The public key of a private key, as an uncompressed point."""
    point: tuple[int, int] | None = None
    double: tuple[int, int] | None = G
    while private:
        if private & 1:
            point = add(point, double)
        double, private = add(double, double), private >> 1
    assert point
    return b"\4" + b"".join(part.to_bytes(32, "big") for part in point)


def der(tag: int, *content: bytes) -> bytes:
    """One DER element."""
    inside = b"".join(content)
    length = len(inside).to_bytes((len(inside).bit_length() + 7) // 8, "big")
    if len(inside) > 127:
        length = bytes([128 + len(length)]) + length
    return bytes([tag]) + length + inside


def identifier(value: str) -> bytes:
    return der(0x06, bytes.fromhex(value))


def make_certificate(*, signed_with: str, key: bytes) -> bytes:
    """A certificate that names the signature algorithm; the signature itself is a placeholder that no test verifies."""
    algorithm = der(0x30, identifier(signed_with))
    name = der(0x30, der(0x31, der(0x30, identifier(COMMON_NAME), der(0x0C, b"db"))))
    validity = der(0x30, der(0x17, b"250101000000Z"), der(0x17, b"491231000000Z"))
    subject_key = der(0x30, der(0x30, identifier(EC_PUBLIC_KEY), identifier(PRIME256V1)), der(0x03, b"\0" + key))
    signed = der(0x30, der(0x02, b"\1"), algorithm, name, validity, name, subject_key)
    signature = der(0x30, der(0x02, b"\1"), der(0x02, b"\1"))
    return der(0x30, signed, algorithm, der(0x03, b"\0" + signature))


def pem(label: str, content: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"


def write_server_certificate(folder: Path, *, signed_with: str = ECDSA_SHA256) -> tuple[Path, bytes]:
    """Writes a PEM file with a new key and its certificate; returns its path and the DER certificate."""
    private = secrets.randbelow(N - 1) + 1
    certificate = make_certificate(signed_with=signed_with, key=public(private))
    curve, point = der(0xA0, identifier(PRIME256V1)), der(0xA1, der(0x03, b"\0" + public(private)))
    key = der(0x30, der(0x02, b"\1"), der(0x04, private.to_bytes(32, "big")), curve, point)
    path = folder / "server.pem"
    path.write_text(pem("EC PRIVATE KEY", key) + pem("CERTIFICATE", certificate), encoding="ascii")
    return path, certificate
