"""Tokens of ours: made, revoked, deleted. Each is an event of the log."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.timezone import now

from aura.kernel.errors import ValidationFailed
from governance.access import role_of
from governance.audit.record import record
from governance.identity.credentials import digest, forget
from governance.models import ApiToken
from governance.types import SYSTEM, Principal, Role

PREFIX = "aura_"
VALID_FOR = timedelta(days=90)


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
