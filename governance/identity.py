"""Who is asking: a request becomes a `Principal`.

With `AURA_AUTH=off` (loopback only, see `aura.config`) everybody may use the API, as its document
says; a credential that is sent all the same must be good. The admin always wants a login.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aura.kernel.errors import Unauthenticated
from governance.audit.record import record
from governance.models import ApiToken
from governance.types import SYSTEM, ActorKind, Principal

PREFIX = "aura_"


def digest(token: str) -> str:
    """What is stored of a token. A random token of 32 bytes needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_token(user: User, *, name: str, valid_for: timedelta | None = None) -> str:
    """Make a token for a person and return it: the only time it can be seen."""
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        ApiToken.objects.create(
            user=user,
            name=name,
            digest=digest(token),
            expires_at=now() + valid_for if valid_for else None,
        )
        record("token_issued", actor=SYSTEM, action=f"token {name!r} of {user.get_username()}")
    return token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer aura_…`"""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return user_of(token)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def user_of(token: str) -> tuple[Any, ApiToken]:
    """(user, token row) of a bearer token. Raises `Unauthenticated`."""
    good = Q(expires_at__isnull=True) | Q(expires_at__gt=now())
    row = (
        ApiToken.objects.filter(good, digest=digest(token.strip()), user__is_active=True)
        .select_related("user")
        .first()
    )
    if row is None:
        raise Unauthenticated("The bearer token is unknown or has expired")
    return row.user, row


class ConsoleSession(SessionAuthentication):
    """The admin's session, with CSRF checked for everything that changes something."""


class MayUseApi(BasePermission):
    """With authentication on: somebody known, who may do what the view's action needs.

    A view names in `needs` the permission of each action; what is not named is free to everybody
    who is logged in. With authentication off: everybody on this machine.
    """

    message = "You are not allowed to do this"

    def has_permission(self, request: Request, view: Any) -> bool:
        if settings.AURA.auth == "off":
            return True
        if not request.user.is_authenticated:
            return False
        needed = getattr(view, "needs", {}).get(getattr(view, "action", None))
        return needed is None or bool(request.user.has_perm(needed))


def principal(user: User | AnonymousUser, *, claimed: str = "") -> Principal:
    """The person behind a request. `claimed` is a name from a body: it never overrides a login."""
    if user.is_authenticated:
        return Principal(kind=ActorKind.USER, name=user.get_username())
    return Principal(kind=ActorKind.USER, name=claimed.strip()[:150] or "anonymous")


def opener(user: User | AnonymousUser) -> Principal:
    """Who opened a ticket: the person when there is a login, else the system (Aura §1.1)."""
    return principal(user) if user.is_authenticated else SYSTEM
