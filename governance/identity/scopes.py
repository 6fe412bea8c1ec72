"""Who sends a request that raw asynchronous code answers: streams, waiting, A2A and MCP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie

from aura.kernel.clients import address_of_scope, bearer
from aura.kernel.errors import Forbidden, Unauthenticated
from governance import refusals
from governance.identity.credentials import HOW_TO_LOG_IN, may, user_of
from governance.identity.people import decider, principal
from governance.types import Principal

NOBODYS = "nobody.holds_this"  # the permission of a route that the table of routes has not named
PERMISSION_KEY = "aura.permission"  # of an ASGI scope, where what its route needs stands


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """Lower-case name -> value; of a name that comes twice the values, joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says about who sends it, and the permission it needs. Both verbs ask the
    database; a permission that nobody named is held by nobody.
    """

    authorization: str = ""
    session: str = ""
    permission: str = NOBODYS
    address: str = ""
    path: str = ""
    method: str = "GET"

    @classmethod
    def of(cls, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Self:
        """Those of an ASGI scope."""
        return cls(
            authorization=headers.get("authorization", ""),
            session=parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME, ""),
            permission=scope.get(PERMISSION_KEY, NOBODYS),
            address=address_of_scope(scope),
            path=scope["path"],
            method=scope["method"],
        )

    def check(self) -> None:
        """Raises `Unauthenticated` or `Forbidden`. A bearer token must be good, needed or not."""
        self._check(*self._who())

    def caller(self, *, claimed: str = "") -> Principal:
        """Who that is, with their role; raises as `check` does. `claimed` never counts against a
        credential, and only where authentication is off.
        """
        user, token = self._who()
        self._check(user, token)
        name = claimed if settings.AURA.auth == "off" else ""
        return decider(AnonymousUser() if user is None else user, token, claimed=name)

    def _check(self, user: Any, token: Any) -> None:
        if settings.AURA.auth == "off":
            return
        if user is None or not user.is_authenticated:
            raise Unauthenticated(HOW_TO_LOG_IN)
        if not may(user, token, self.permission):
            refusals.note(
                refusals.Kind.NOT_ALLOWED,
                actor=principal(user),
                address=self.address,
                route=f"{self.method} {self.path}",
                reason=f"needs {self.permission}",
            )
            verb = "read" if self.method in {"GET", "HEAD"} else "do"
            raise Forbidden(f"You are not allowed to {verb} this; it needs {self.permission}")

    def still_good(self) -> bool:
        """Would the stream still be opened? Logins end while streams are open."""
        try:
            self.check()
        except (Unauthenticated, Forbidden):
            return False
        return True

    def _who(self) -> tuple[Any, Any]:
        token = bearer(self.authorization)
        if token is not None:
            return user_of(token, address=self.address, route=f"{self.method} {self.path}")
        if not self.session or settings.AURA.auth == "off":
            return None, None
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session)
        return get_user(request), None
