"""What only the controller can open: AES-256-GCM under a key wrapped with RSA-OAEP (SHA-256).

The format is kubeseal's: two bytes with the length of the wrapped key, the wrapped key, the
ciphertext with its tag. The nonce is all zeros, as each key seals one value. The label binds a
value to where it may be used, so a ciphertext copied into another namespace opens nowhere.
"""

from __future__ import annotations

import base64
import os
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE: Final = bytes(12)


class Scope(StrEnum):
    """Where a sealed value may be used, as kubeseal names it."""

    STRICT = "strict"  # in the Secret of this namespace and name
    NAMESPACE_WIDE = "namespace-wide"
    CLUSTER_WIDE = "cluster-wide"


def label(scope: Scope, namespace: str, name: str) -> bytes:
    """What a value is bound to."""
    match scope:
        case Scope.STRICT:
            return f"{namespace}/{name}".encode()
        case Scope.NAMESPACE_WIDE:
            return namespace.encode()
        case Scope.CLUSTER_WIDE:
            return b""


def seal(value: str, key: RSAPublicKey, bound_to: bytes) -> str:
    """The value as `encryptedData` holds it, base64; another text each time."""
    session = os.urandom(KEY_BYTES)
    digest = hashes.SHA256()
    scheme = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=bound_to)
    wrapped = key.encrypt(session, scheme)
    sealed = AESGCM(session).encrypt(NONCE, value.encode(), None)
    return base64.b64encode(len(wrapped).to_bytes(2, "big") + wrapped + sealed).decode()
