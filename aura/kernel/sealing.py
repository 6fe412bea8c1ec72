"""Secrets that must be read again, encrypted for the database; and what must not be forged there.

The key is derived from Django's secret key. Keys in SECRET_KEY_FALLBACKS still open what they
sealed, and vouch for what they signed; `resealed()` moves it to the present key.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac


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


def signature(purpose: str, *said: object) -> str:
    """64 hexadecimal digits that only who has the key can make: HMAC-SHA256 over JSON values."""
    return _signature(settings.SECRET_KEY, purpose, said)


def signed(given: object, purpose: str, *said: object, formerly: bool = True) -> bool:
    """Is it their signature, under the present key, or with `formerly` one of the fallbacks?"""
    keys = (settings.SECRET_KEY, *(settings.SECRET_KEY_FALLBACKS if formerly else ()))
    return isinstance(given, str) and any(
        constant_time_compare(given, _signature(key, purpose, said)) for key in keys
    )


def _signature(key: str, purpose: str, said: tuple[object, ...]) -> str:
    salt = f"aura.kernel.sealing.{purpose}"
    return salted_hmac(salt, json.dumps(said), secret=key, algorithm="sha256").hexdigest()


def _keys() -> MultiFernet:
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([_fernet(key) for key in known])


def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"aura.kernel.sealing")
    return Fernet(urlsafe_b64encode(derived.derive(secret_key.encode())))
