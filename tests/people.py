"""People with a role, and their tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from governance.access import give_role
from governance.identity import issue_token
from governance.types import Role


def person(name: str, role: Role | None = None, **more: Any) -> User:
    """Somebody who may do what the role may do."""
    user = User.objects.create_user(name, **more)
    give_role(user, role)
    return user


def bearer(token: str) -> dict[str, Any]:
    """What Django's test client sends a token with."""
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def headers_of(user: User, role: Role | None = None) -> dict[str, Any]:
    """A new token of this person, ready to be sent."""
    return bearer(issue_token(user, name="test", role=role))
