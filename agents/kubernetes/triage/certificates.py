"""TLS certificates of Secrets: only what is public of them goes into a snapshot."""

from __future__ import annotations

import base64
import binascii

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import text


def public(secret: Object) -> Object:
    """A Secret without values; `certificate: {notBefore, notAfter, subject}` where it has one."""
    shown = {key: item for key, item in secret.items() if key not in ("data", "stringData")}
    found = _read(text(secret, "data", "tls.crt"))
    return {**shown, "certificate": found} if found else shown


def _read(encoded: str) -> Object:
    if not encoded:
        return {}
    from cryptography import x509  # noqa: PLC0415 - few namespaces have certificates

    try:
        found = x509.load_pem_x509_certificate(base64.b64decode(encoded))
    except (ValueError, binascii.Error):
        return {}
    return {
        "notBefore": found.not_valid_before_utc.isoformat(),
        "notAfter": found.not_valid_after_utc.isoformat(),
        "subject": found.subject.rfc4514_string(),
    }
