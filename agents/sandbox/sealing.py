"""The sealed-secrets controller's key: its certificate, and opening what was sealed with it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from agents.sandbox.certificates import self_signed
from agents.sandbox.objects import Object, annotations_of, at, name_of, namespace_of, spec_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BITS = 2048
_DAYS = 3650.0
_LENGTH_BYTES = 2
_NAMESPACE_WIDE = "sealedsecrets.bitnami.com/namespace-wide"
_CLUSTER_WIDE = "sealedsecrets.bitnami.com/cluster-wide"


class CannotOpen(Exception):
    """The value was sealed with another key, or for another name."""


class Sealing:
    """Made when it is first asked for: the libraries take a tenth of a second to import."""

    def __init__(self) -> None:
        self._key: RSAPrivateKey | None = None
        self._certificate = ""

    def certificate(self) -> str:
        """PEM of the certificate to seal with."""
        if not self._certificate:
            self._certificate = self_signed(self._private(), ("sealed-secret",), days=_DAYS)
        return self._certificate

    def open(self, sealed: Object) -> Object:
        """The clear `data` of a SealedSecret, base64. Raises CannotOpen."""
        label = _label(sealed)
        values = spec_of(sealed).get("encryptedData") or {}
        return {name: self._open(str(value), label, name) for name, value in values.items()}

    def _open(self, value: str, label: bytes, name: str) -> str:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            raw = base64.b64decode(value, validate=True)
            length = int.from_bytes(raw[:_LENGTH_BYTES], "big")
            wrapped = raw[_LENGTH_BYTES : _LENGTH_BYTES + length]
            digest = hashes.SHA256()
            scheme = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=label)
            session = self._private().decrypt(wrapped, scheme)
            clear = AESGCM(session).decrypt(bytes(12), raw[_LENGTH_BYTES + length :], None)
        except (ValueError, InvalidTag):
            raise CannotOpen(f"no key could decrypt secret ({name})") from None
        return base64.b64encode(clear).decode()

    def _private(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        if self._key is None:
            self._key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        return self._key


def _label(sealed: Object) -> bytes:
    """What a value is bound to: namespace and name, unless its scope is wider."""
    said = {
        **annotations_of(sealed),
        **at(spec_of(sealed), "template", "metadata", "annotations", default={}),
    }
    if said.get(_CLUSTER_WIDE) == "true":
        return b""
    if said.get(_NAMESPACE_WIDE) == "true":
        return namespace_of(sealed).encode()
    return f"{namespace_of(sealed)}/{name_of(sealed)}".encode()
