"""The person behind a request, as a `Principal`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from governance.access import deciding_role
from governance.identity.credentials import Verified
from governance.types import ANONYMOUS, SYSTEM, ActorKind, Principal

NAME_CHARS = 150


class ConsoleSession(SessionAuthentication):
    """The admin's session, with CSRF checked for everything that changes something."""


def principal(user: User | AnonymousUser, token: Any = None, *, claimed: str = "") -> Principal:
    """The person behind a request. `claimed` is a name from a body: it never overrides a login.

    `token` is DRF's `request.auth`: the role that a token acts in is known without a question.
    """
    if user.is_authenticated:
        role = token.acts_as if isinstance(token, Verified) else None
        roles = frozenset({role.value} if role else ())
        return Principal(kind=ActorKind.USER, name=user.get_username(), roles=roles)
    return Principal(kind=ActorKind.USER, name=claimed.strip()[:NAME_CHARS] or ANONYMOUS)


def decider(user: User | AnonymousUser, token: Any = None, *, claimed: str = "") -> Principal:
    """The person behind a request that decides on something, with the role they do it in.

    `token` is DRF's `request.auth`: a token's role is the most its owner decides with.
    """
    person = principal(user, claimed=claimed)
    role = deciding_role(user) if isinstance(user, User) else None
    if role is not None and isinstance(token, Verified):
        role = min(role, token.role, key=lambda each: each.rank)
    return replace(person, roles=frozenset({role.value} if role else ()))


def caller(request: Request, *, claimed: str = "") -> Principal:
    """Who sends a request to the helpdesk's ports, with their role.

    Where authentication is off and no credential was sent, `claimed` counts, else `X-User`.
    """
    if settings.AURA.auth == "off":
        claimed = claimed.strip() or request.headers.get("X-User", "")
    return decider(request.user, request.auth, claimed=claimed)


def known_caller(token: Verified) -> Principal:
    """The same of who brings a token that is known: nothing is asked."""
    role = token.decides_as
    roles = frozenset({role.value} if role else ())
    return Principal(kind=ActorKind.USER, name=token.user.get_username(), roles=roles)


def opener(user: User | AnonymousUser, token: Any = None) -> Principal:
    """Who opened a ticket: the person when there is a login, else the system (Aura §1.1)."""
    return principal(user, token) if user.is_authenticated else SYSTEM
