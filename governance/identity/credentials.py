"""What a bearer token is good for: one of ours, or a JWT of the OpenID provider."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.timezone import now
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from aura.kernel.clients import address as address_of
from aura.kernel.clients import bearer, counted
from aura.kernel.errors import RateLimited, Unauthenticated
from governance import refusals
from governance.access import DECIDE, NAMES
from governance.identity import accounts, oidc
from governance.models import ApiToken
from governance.types import Role

# For so long a token that was found good is not looked up again. What happens in this process
# counts at once (`forget`); a token revoked by another one is good for so much longer at most.
TRUSTED_S = 1.0
TRUSTED_MOST = 1000
USED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is

MAKE_A_TOKEN = (
    "make a token with `manage.py create_token USER` or in the console under"  # noqa: S105 - words
    " /admin/governance/apitoken/ and send it as `Authorization: Bearer aura_…`"
)
HOW_TO_LOG_IN = (
    f"A token or a login is required: {MAKE_A_TOKEN}. `manage.py up` prints a first one at its"
    " first start. To try Aura out on this machine alone, start it with AURA_AUTH=off."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A good token: `permissions` are those of its role that its owner has, at this moment.

    `acts_as` is the lower one of the token's role and its owner's; None where that has none.
    `decides_as` is the same where the right to decide counts as an approver's role
    (`governance.access.deciding_role`).
    """

    user: User
    name: str
    role: Role
    acts_as: Role | None
    decides_as: Role | None
    permissions: frozenset[str]
    expires_at: datetime


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`. One query at most for a token of ours, and no session."""

    def authenticate(self, request: Request) -> tuple[Any, Verified] | None:
        token = bearer(request.META.get("HTTP_AUTHORIZATION", ""))
        if token is None:
            return None
        where, route = address_of(request.META), f"{request.method} {request.path}"
        return user_of(token, address=where, route=route)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def digest(token: str) -> str:
    """What is stored of a token. A random token of 32 bytes needs no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def user_of(token: str, *, address: str = "", route: str = "") -> tuple[User, Verified]:
    """(user, what the token is good for). Raises `Unauthenticated`, which the log is told."""
    key = digest(token)
    found = _trusted(key)
    if found is None:
        if key not in _cache and not _limiter.test(GUESSES, counted(address)):
            raise RateLimited(f"Too many bad tokens from {address}", retry_after_s=60)
        # When a busy token is no longer trusted, one thread looks it up and the others wait.
        with _looking[int(key[:2], 16)]:
            try:
                found = _trusted(key) or _looked_up(key, token)
            except oidc.Refused as refusal:
                _refuse(f"JWT: {refusal}", address=address, route=route)
    if found is None or found.expires_at <= now():
        _refuse(f"bearer token {_old(key)}", address=address, route=route)
    return found.user, found


def known(token: str) -> Verified | None:
    """What a token is good for, where that is known without a question."""
    return _current(_trusted(digest(token)))


def was_known(token: str) -> bool:
    """Whether it was good when it was last looked up, lately: no stranger's guess."""
    return digest(token) in _cache


def known_again(token: str) -> Verified | None:
    """Look up a token that `was_known`. None: it is no longer good; `user_of` says why."""
    key = digest(token)
    try:
        return _current(_trusted(key) or _looked_up(key, token))
    except oidc.Refused:
        return None


def _current(found: Verified | None) -> Verified | None:
    return found if found is not None and found.expires_at > now() else None


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


def _looked_up(key: str, token: str) -> Verified | None:
    began = time.monotonic()
    of_provider = settings.AURA.oidc and oidc.looks_like_one(token)
    found = _of_provider(token) if of_provider else _of_ours(key)
    if found is None:
        _cache.pop(key, None)
        return None
    if len(_cache) >= TRUSTED_MOST:
        _cache.clear()
    _cache[key] = (began, found)
    return found


def _of_ours(key: str) -> Verified | None:
    row = (
        ApiToken.objects.filter(digest=key, revoked_at__isnull=True, user__is_active=True)
        .select_related("user")
        .annotate(
            scope=ArraySubquery(_codes(Q(group__name=OuterRef("role")))),
            of_groups=ArraySubquery(_codes(Q(group__user=OuterRef("user_id")))),
            of_user=ArraySubquery(_codes(Q(user=OuterRef("user_id")))),
            names=ArraySubquery(_roles(OuterRef("user_id"))),
        )
        .first()
    )
    if row is None:
        return None
    scope = frozenset(row.scope)
    held = scope if row.user.is_superuser else {*row.of_groups, *row.of_user}
    own = [Role.ADMIN] if row.user.is_superuser else [Role(name) for name in row.names]
    highest = max(own, key=_rank, default=None)
    _mark_used(row)
    return Verified(
        user=row.user,
        name=row.name,
        role=Role(row.role),
        acts_as=_lower(highest, Role(row.role)),
        decides_as=_lower(_deciding(highest, held), Role(row.role)),
        permissions=scope & held,
        expires_at=row.expires_at,
    )


def _of_provider(token: str) -> Verified:
    """Raises `oidc.Refused`, and `Forbidden` for somebody known who has no role."""
    claims = oidc.verify(token, settings.AURA)
    user, role = accounts.of(claims)
    scope = frozenset(_codes(Q(group__name=role.value)))
    held = scope if user.is_superuser else user.get_all_permissions()
    return Verified(
        user=user,
        name=claims.issuer,
        role=role,
        acts_as=role,
        decides_as=_lower(_deciding(role, held), role),
        permissions=scope & held,
        expires_at=claims.expires_at,
    )


def _codes(which: Q) -> QuerySet[Permission, Any]:
    name = Concat(F("content_type__app_label"), Value("."), F("codename"))
    return Permission.objects.filter(which).order_by().values_list(name, flat=True)


def _roles(user: OuterRef) -> QuerySet[Group, Any]:
    groups = Group.objects.filter(user=user, name__in=NAMES)
    return groups.order_by().values_list("name", flat=True)


def _lower(own: Role | None, role: Role) -> Role | None:
    return min(own, role, key=_rank) if own else None


def _deciding(own: Role | None, held: Collection[str]) -> Role | None:
    """As `deciding_role`, where the role and the permissions are known."""
    approves = DECIDE in held and (own is None or own.rank < Role.APPROVER.rank)
    return Role.APPROVER if approves else own


def _rank(role: Role) -> int:
    return role.rank


def _mark_used(row: ApiToken) -> None:
    """At most one write a minute and token, whatever its use."""
    before = now() - USED_EVERY
    if row.last_used_at is None or row.last_used_at < before:
        unused = Q(last_used_at__isnull=True) | Q(last_used_at__lt=before)
        ApiToken.objects.filter(unused, pk=row.pk).update(last_used_at=now())


def _refuse(what: str, *, address: str, route: str) -> NoReturn:
    _limiter.hit(GUESSES, counted(address))
    refusals.note(refusals.Kind.BAD_CREDENTIAL, address=address, route=route, reason=what)
    issuer = settings.AURA.oidc_issuer
    other = f", or send a current one of {issuer}" if issuer else ""
    raise Unauthenticated(
        f"The bearer token is unknown, has expired or was revoked; {MAKE_A_TOKEN}{other}."
    )


def _old(key: str) -> str:
    """A token that was good once is named, by its name and owner: somebody may miss it."""
    old = ApiToken.objects.filter(digest=key).select_related("user").first()
    return f"{old.name!r} of {old.user.get_username()}: {_state(old)}" if old else "unknown"


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at <= now() else "its owner is locked"
