"""Who is asking: a request becomes a user, and a user a `Principal`.

With `AURA_AUTH=off` (loopback only, see `aura.config`) everybody may use the API, as its document
says; a credential that is sent all the same must be good. The admin always wants a login.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from django.contrib.auth.models import AnonymousUser, Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.timezone import now
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from aura.kernel.clients import address as address_of
from aura.kernel.clients import counted
from aura.kernel.errors import RateLimited, Unauthenticated, ValidationFailed
from governance import refusals
from governance.access import role_of
from governance.audit.record import record
from governance.models import ApiToken
from governance.types import SYSTEM, ActorKind, Principal, Role

PREFIX = "aura_"
VALID_FOR = timedelta(days=90)
# For so long a token that was found good is not looked up again. What happens in this process
# counts at once (`forget`); a token revoked by another one is good for so much longer at most.
TRUSTED_S = 1.0
TRUSTED_MOST = 1000
USED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is

MAKE_A_TOKEN = (
    "make a token with `manage.py create_token NAME` or in the console under"  # noqa: S105 - words
    " /admin/governance/apitoken/ and send it as `Authorization: Bearer aura_…`"
)
HOW_TO_LOG_IN = (
    f"A token or a login is required: {MAKE_A_TOKEN}. `manage.py up` prints a first one at its"
    " first start. To try Aura out on this machine alone, start it with AURA_AUTH=off."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A good token: `permissions` are those of its role that its owner has, at this moment."""

    user: User
    key: int
    name: str
    permissions: frozenset[str]
    expires_at: datetime


def digest(token: str) -> str:
    """What is stored of a token. A random token of 32 bytes needs no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def issue_token(
    user: User,
    *,
    name: str,
    role: Role | None = None,
    valid_for: timedelta = VALID_FOR,
    by: Principal = SYSTEM,
) -> str:
    """Make a token for a person and return it: the only time it can be seen.

    `role` is by default the owner's. Raises `ValidationFailed` when it is above the owner's.
    """
    own = role_of(user)
    role = role or own or Role.VIEWER
    if role.rank > (own or Role.VIEWER).rank:
        has = f"{user.get_username()} is {own or 'without a role'}"
        raise ValidationFailed(f"{has}; a token of theirs cannot be {role}")
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            user=user, name=name, role=role, digest=digest(token), expires_at=now() + valid_for
        )
        _tell("token_issued", row, by)
    return token


def revoke_token(token: ApiToken, *, by: Principal) -> bool:
    """End a token's life; False when that was so already. The row stays, for what it tells."""
    with transaction.atomic():
        live = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
        if not live.update(revoked_at=now()):
            return False
        _tell("token_revoked", token, by)
    forget()
    return True


def delete_token(token: ApiToken, *, by: Principal) -> None:
    """Remove a token, live or not."""
    with transaction.atomic():
        _tell("token_deleted", token, by)
        token.delete()


def _tell(event_type: str, token: ApiToken, by: Principal) -> None:
    payload = {"name": token.name, "owner": token.user.get_username(), "role": token.role}
    record(
        event_type,
        actor=by,
        action=f"token {token.name!r} of {token.user.get_username()}",
        data={"payload": payload},
    )


# --- tokens of requests ---


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer aura_…`. One query at most, and no session."""

    def authenticate(self, request: Request) -> tuple[Any, Verified] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        where, route = address_of(request.META), f"{request.method} {request.path}"
        return user_of(token, address=where, route=route)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def user_of(token: str, *, address: str = "", route: str = "") -> tuple[User, Verified]:
    """(user, what the token is good for). Raises `Unauthenticated`, which the log is told."""
    key = digest(token.strip())
    found = _trusted(key)
    if found is None:
        if key not in _cache and not _limiter.test(GUESSES, counted(address)):
            raise RateLimited(f"Too many bad tokens from {address}", retry_after_s=60)
        # When a busy token is no longer trusted, one thread looks it up and the others wait.
        with _looking[int(key[:2], 16)]:
            found = _trusted(key) or _looked_up(key)
    if found is None or found.expires_at <= now():
        _refuse(key, address=address, route=route)
    return found.user, found


def may(user: Any, token: Any, permission: str) -> bool:
    """May this request do it? `token` is DRF's `request.auth`: a `Verified`, or None."""
    if isinstance(token, Verified):
        return permission in token.permissions
    return bool(user.has_perm(permission))


def forget(**_: Any) -> None:
    """Look every token up again. Receiver of signals that change what a token may do."""
    _cache.clear()


_cache: dict[str, tuple[float, Verified]] = {}
_looking = [threading.Lock() for _ in range(256)]  # by the token's first two digits
# Who sends bad tokens gets no further answer about others for a while; what was good lately in
# this process is still looked up, so that a stranger behind the same address locks nobody out.
GUESSES: Final = RateLimitItemPerMinute(60)
_limiter = FixedWindowRateLimiter(MemoryStorage())


def _trusted(key: str) -> Verified | None:
    since, found = _cache.get(key, (0.0, None))
    return found if time.monotonic() - since < TRUSTED_S else None


def _looked_up(key: str) -> Verified | None:
    began = time.monotonic()
    row = (
        ApiToken.objects.filter(digest=key, revoked_at__isnull=True, user__is_active=True)
        .select_related("user")
        .annotate(
            scope=ArraySubquery(_codes(Q(group__name=OuterRef("role")))),
            of_groups=ArraySubquery(_codes(Q(group__user=OuterRef("user_id")))),
            of_user=ArraySubquery(_codes(Q(user=OuterRef("user_id")))),
        )
        .first()
    )
    if row is None:
        _cache.pop(key, None)
        return None
    scope = frozenset(row.scope)
    held = scope if row.user.is_superuser else {*row.of_groups, *row.of_user}
    found = Verified(
        user=row.user,
        key=row.pk,
        name=row.name,
        permissions=scope & held,
        expires_at=row.expires_at,
    )
    if len(_cache) >= TRUSTED_MOST:
        _cache.clear()
    _cache[key] = (began, found)
    _mark_used(row)
    return found


def _codes(which: Q) -> QuerySet[Permission, Any]:
    name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    return Permission.objects.filter(which).order_by().values_list(name, flat=True)


def _mark_used(row: ApiToken) -> None:
    """At most one write a minute and token, whatever its use."""
    before = now() - USED_EVERY
    if row.last_used_at is None or row.last_used_at < before:
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lt=before)
        ApiToken.objects.filter(unused, pk=row.pk).update(last_used_at=now())


def _refuse(key: str, *, address: str, route: str) -> NoReturn:
    """A token that was good once is named, by its name and owner: somebody may miss it."""
    _limiter.hit(GUESSES, counted(address))
    old = ApiToken.objects.filter(digest=key).select_related("user").first()
    which = f"{old.name!r} of {old.user.get_username()}: {_state(old)}" if old else "unknown"
    refusals.note(
        refusals.Kind.BAD_CREDENTIAL, address=address, route=route, reason=f"bearer token {which}"
    )
    raise Unauthenticated(
        f"The bearer token is unknown, has expired or was revoked; {MAKE_A_TOKEN}."
    )


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at <= now() else "its owner is locked"


# --- people ---


class ConsoleSession(SessionAuthentication):
    """The admin's session, with CSRF checked for everything that changes something."""


def principal(user: User | AnonymousUser, *, claimed: str = "") -> Principal:
    """The person behind a request. `claimed` is a name from a body: it never overrides a login."""
    if user.is_authenticated:
        return Principal(kind=ActorKind.USER, name=user.get_username())
    return Principal(kind=ActorKind.USER, name=claimed.strip()[:150] or "anonymous")


def opener(user: User | AnonymousUser) -> Principal:
    """Who opened a ticket: the person when there is a login, else the system (Aura §1.1)."""
    return principal(user) if user.is_authenticated else SYSTEM
