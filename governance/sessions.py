"""Django's sessions in the database, which a key that Django never made does not reach."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS


class SessionStore(db.SessionStore):
    """A cookie may hold any character, NUL too, which PostgreSQL answers with an error."""

    def _validate_session_key(self, key: Any) -> bool:
        valid = super()._validate_session_key(key)  # type: ignore[misc] # not in the stubs
        return bool(valid) and set(key) <= set(VALID_KEY_CHARS)
