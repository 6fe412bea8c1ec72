"""Certificates made on the spot: the server's own, and one that has expired."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from agents.sandbox import clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import IPAddress

    PrivateKey: TypeAlias = EllipticCurvePrivateKey | RSAPrivateKey

DAY_S = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """PEM texts."""

    certificate: str
    key: str


def pair(*names: str, begin: float = 0.0, days: float = 365.0) -> Pair:
    """A new key and its self-signed certificate for host names and addresses.

    `begin` is when it becomes valid, in seconds since the epoch; 0 for a minute ago.
    """
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  a tenth of a second

    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(certificate=self_signed(key, names, begin=begin, days=days), key=_pem(key))


def self_signed(
    key: PrivateKey, names: tuple[str, ...], *, begin: float = 0.0, days: float = 365.0
) -> str:
    """PEM of a certificate of `key`; the first name is its common name."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives = [_address(name) or x509.DNSName(name) for name in names]
    moment = begin or clock.now() - 60
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(moment, UTC))
        .not_valid_after(datetime.fromtimestamp(moment + days * DAY_S, UTC))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _address(name: str) -> IPAddress | None:
    from cryptography import x509  # noqa: PLC0415

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return None


def _pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
