"""Who uses the Argo CD API: fixed tokens, and sessions of the user `admin`."""

from __future__ import annotations

import secrets

from agents.sandbox.argo.failures import UNAUTHENTICATED, ArgoError, denied
from agents.sandbox.objects import Object
from agents.sandbox.options import Options

READ_ONLY = "readonly"
_ADMIN = "admin"


class Tokens:
    def __init__(self, options: Options) -> None:
        self._password = options.argo_password
        self._roles = dict(options.argo_tokens)

    def user_of(self, headers: object) -> str:
        """The user of a bearer token or of the session cookie; 401 without either."""
        given = dict(headers) if isinstance(headers, dict) else {}
        scheme, _, token = str(given.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer":
            cookies = str(given.get("cookie", "")).split("; ")
            token = next((c[13:] for c in cookies if c.startswith("argocd.token=")), "")
        if not token:
            raise ArgoError(UNAUTHENTICATED, "no session information")
        user = self._roles.get(token.strip())
        if user is None:
            words = "invalid session: token signature is invalid: signature is invalid"
            raise ArgoError(UNAUTHENTICATED, words)
        return user

    def log_in(self, body: Object) -> str:
        """A new token; 401 for a wrong password."""
        if body.get("username") != _ADMIN or body.get("password") != self._password:
            raise ArgoError(UNAUTHENTICATED, "Invalid username or password")
        token = secrets.token_urlsafe(32)
        self._roles[token] = _ADMIN
        return token

    @staticmethod
    def check(user: str, action: str, what: str) -> None:
        """403 for what a read-only user may not do."""
        if user == READ_ONLY and action != "get":
            raise denied(f"applications, {action}, {what}, sub: {user}, iat: 2026-01-01T00:00:00Z")
