"""Keys of the log, which are never in the database: one signs it, one makes pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings

from aura.kernel.localkey import read_or_make
from governance.audit.notes import BadNote, SecretKey

PSEUDONYM_HEX = 16


class NoKey(Exception):
    """The signing key cannot be used; the text says why."""


def signing_key() -> SecretKey | None:
    """The key of this process; None: another one signs. Raises `NoKey`.

    Read again each time: it may be rotated meanwhile.
    """
    path: Path = settings.AURA.log_key
    try:
        return _parsed(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, BadNote) as error:
        raise NoKey(f"{path} cannot be used as signing key of the log: {error}") from None


def make_signing_key() -> SecretKey:
    """The key, made if it is not there: for the first process that signs a new log."""
    return _parsed(read_or_make(settings.AURA.log_key, lambda: SecretKey.made(new_name()).text))


@cache
def _parsed(text: str) -> SecretKey:
    return SecretKey.read(text)


def new_name() -> str:
    """A name for a log, different from that of any other installation."""
    return f"aura-log/{secrets.token_hex(8)}"


def replace_key(key: SecretKey) -> None:
    """Sign with `key` from now on; the old one is gone. For rotation alone."""
    path: Path = settings.AURA.log_key
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def pseudonym() -> Callable[[str], str]:
    """Turns a secret into 16 hex digits: equal secrets get equal ones, and no way leads back."""
    return _pseudonym(settings.AURA.data)


@cache
def _pseudonym(data: Path) -> Callable[[str], str]:
    key = read_or_make(data / "keys" / "pseudonym.key").encode()

    def told(secret: str) -> str:
        return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_HEX]

    return told
