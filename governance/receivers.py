"""What governance does when something else happens: tokens are looked up again, logins are told."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.http import HttpRequest

from aura.kernel.clients import address
from governance import identity, refusals
from governance.models import ApiToken
from governance.refusals import Kind


def connect() -> None:
    """Listen. Called once, when the app is ready."""
    for signal in (post_save, post_delete):
        for model in (ApiToken, User):
            signal.connect(identity.forget, sender=model, dispatch_uid=f"forget.{model.__name__}")
    for many in (User.groups, User.user_permissions, Group.permissions):
        m2m_changed.connect(identity.forget, sender=many.through, dispatch_uid=str(many.through))
    user_logged_in.connect(logged_in, dispatch_uid="governance.logged_in")
    user_login_failed.connect(login_failed, dispatch_uid="governance.login_failed")
    user_locked_out.connect(locked_out, dispatch_uid="governance.locked_out")


def logged_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    if user.pk and request is not None and request.path:
        _note(Kind.LOGIN, request, actor=identity.principal(user))


def login_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A name that nobody has may be a password typed into the wrong field: it is not kept."""
    if request is not None:
        name = str(credentials.get("username", ""))
        known = User.objects.filter(username=name[:150]).exists()
        _note(Kind.LOGIN_FAILED, request, reason=f"as {name}" if known else "as an unknown name")


def locked_out(request: HttpRequest, **_: Any) -> None:
    _note(Kind.LOCKED_OUT, request, reason="too many failed logins")


def _note(kind: Kind, request: HttpRequest, **more: Any) -> None:
    route = f"{request.method} {request.path}"
    refusals.note(kind, address=address(request.META), route=route, **more)
