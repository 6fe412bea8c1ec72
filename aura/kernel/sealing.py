"""Secrets that must be read again, encrypted for the database.

The key is derived from Django's secret key. Keys in SECRET_KEY_FALLBACKS still open what they
sealed; `resealed()` moves it to the present key.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """Sealed with a key that is not (or no longer) known, or altered."""


def seal(secret: str) -> str:
    """`secret`, encrypted and authenticated; text that only `unseal` can read."""
    return _keys().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed. Raises `Unreadable`."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("sealed with another AURA_SECRET_KEY, or altered") from None


def resealed(sealed: str) -> str:
    """The same secret under the present key. Raises `Unreadable`."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([_fernet(key) for key in known])


def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"aura.kernel.sealing")
    return Fernet(urlsafe_b64encode(derived.derive(secret_key.encode())))
