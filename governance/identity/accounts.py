"""The account of a person whom the OpenID provider names: made at the first sight of a token.

Its name has a prefix that no name made in the console can have, so nobody at the provider becomes
somebody here. It has no password, so it opens the API and not the console's login; an admin may
lock it like any other.
"""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from aura.kernel.errors import Forbidden
from governance.access import give_role, role_of
from governance.audit.record import record
from governance.identity.oidc import Claims, Refused
from governance.types import OUTSIDE, SYSTEM, Role

ROLE_WORDS: Final = ", ".join(Role)


def of(claims: Claims) -> tuple[User, Role]:
    """(account, role of the token). The account has the role that the provider said last.

    Raises `Refused` for a locked account, `Forbidden` for a token that names no role of ours.
    """
    role = max((role for role in Role if role.value in claims.roles), default=None, key=_rank)
    if role is None:
        raise Forbidden(
            f"You are known as {claims.name}, but your token names no role of"
            f" {ROLE_WORDS}; see AURA_OIDC_ROLES_CLAIM"
        )
    name = OUTSIDE + claims.name
    user = User.objects.filter(username=name).first()
    if user is not None and not user.is_active:
        raise Refused(f"{name} is locked")
    if user is None or not (user.is_superuser or role_of(user) is role):
        user = _with_role(name, role)
    return user, role


def _with_role(name: str, role: Role) -> User:
    with transaction.atomic():
        user, fresh = User.objects.get_or_create(username=name, defaults={"password": "!"})
        give_role(user, role)
        what = "first login of" if fresh else "new role of"
        record("user_changed", actor=SYSTEM, action=f"{what} {name}: {role}")
    return user


def _rank(role: Role) -> int:
    return role.rank
