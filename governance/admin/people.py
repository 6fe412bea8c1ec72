"""People of the console and the API: a name, a password, one role. Nobody is ever deleted: the log
tells of people by name, and a name that were free again could be somebody else's.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm, UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from governance import lockout
from governance.access import give_role, role_of
from governance.admin.base import ConsoleAdmin
from governance.audit.record import record
from governance.identity import principal
from governance.templatetags.shown import visible
from governance.types import Role

NO_ROLE = ("", "none: may do nothing")
ROLE_HELP = (
    "viewer: sees everything. operator: also opens, runs, answers and cancels. approver: also"
    " decides. admin: also manages people and tokens."
)


class RoleField(forms.ChoiceField):
    """One of the four, or none."""

    def __init__(self, **options: Any) -> None:
        choices = [NO_ROLE, *((role, role) for role in Role)]
        super().__init__(choices=choices, required=False, help_text=ROLE_HELP, **options)


class NewPersonForm(UserCreationForm):  # type: ignore[type-arg] # a parameter in the stubs alone
    """`role` beside name and password."""

    role = RoleField(initial=Role.VIEWER)


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    """`role` beside the name; the password has a page of its own."""

    role = RoleField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"].initial = role_of(self.instance) or ""


class PersonAdmin(ConsoleAdmin, UserAdmin):  # type: ignore[type-arg]
    """Superusers are made by `manage.py createsuperuser` alone, and touched by superusers alone."""

    form = PersonForm
    add_form = NewPersonForm
    fieldsets = [(None, {"fields": ["username", "password", "role", "is_active"]})]
    add_fieldsets = [(None, {"fields": ["username", "password1", "password2", "role"]})]
    list_display = ["name", "role", "is_active", "seen", "login"]
    list_filter = ["is_active"]
    search_fields = ["username"]
    filter_horizontal = []

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people = super().get_queryset(request).prefetch_related("groups")
        locked = Exists(lockout.locked(OuterRef("username")))
        shown: QuerySet[User] = people.annotate(locked=locked)
        return shown if request.user.is_superuser else shown.filter(is_superuser=False)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "title": "People"})

    def get_urls(self) -> list[URLPattern]:
        unlock = self.admin_site.admin_view(self.unlock_view)
        return [path("<int:user_id>/unlock/", unlock, name="auth_user_unlock"), *super().get_urls()]

    def unlock_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """GET asks, POST /admin/auth/user/:id/unlock/ does it."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        person = self.get_object(request, str(user_id))
        if person is None:
            return self.absent(request, str(user_id))
        if request.method == "POST":
            words = f"{person.get_username()}: unlocked"
            lockout.unlock(person.get_username())
            record("user_changed", actor=principal(request.user), action=words)
            messages.success(request, f"{visible(person.get_username())} may log in again.")
            return HttpResponseRedirect(reverse("admin:auth_user_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Unlock a login",
            "opts": self.opts,
            "person": person,
        }
        return TemplateResponse(request, "admin/auth/user/unlock.html", context)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """The person, their role and the event that tells of both."""
        before = role_of(obj) if change else None
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if "role" in form.cleaned_data and not obj.is_superuser:
                role = form.cleaned_data["role"]
                give_role(obj, Role(role) if role else None)
            self._tell(request, obj, before, form)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 - Django's
        form_url: str = "",
    ) -> HttpResponse:
        """The password's page; a change is told without the password, of course."""
        answer = super().user_change_password(request, id, form_url)
        person = self.get_object(request, id)
        if request.method == "POST" and answer.status_code == 302 and person is not None:  # noqa: PLR2004
            words = f"{person.get_username()}: new password"
            record("user_changed", actor=principal(request.user), action=words)
        return answer

    def _tell(self, request: HttpRequest, person: User, before: Role | None, form: Any) -> None:
        after = role_of(person)
        payload = {
            "user": person.get_username(),
            "roleBefore": before or "",
            "role": after or "",
            "active": person.is_active,
            "changed": sorted(set(form.changed_data) - {"password1", "password2"}),
        }
        record(
            "user_changed",
            actor=principal(request.user),
            action=f"{person.get_username()}: {before or 'no role'} → {after or 'no role'}",
            data={"payload": payload},
        )

    @admin.display(description="name", ordering="username")
    def name(self, person: User) -> str:
        return visible(person.get_username())

    @admin.display(description="last login (UTC)", ordering="last_login")
    def seen(self, person: User) -> str:
        return f"{person.last_login:%Y-%m-%d %H:%M}" if person.last_login else "never logged in"

    @admin.display(description="login", empty_value="")
    def login(self, person: Any) -> str:
        """Whether failed logins have locked it."""
        if not person.locked:
            return ""
        url = reverse("admin:auth_user_unlock", args=[person.pk])
        badge = format_html('<span class="badge is-failed">{}</span>', "locked")
        return format_html('{} <a href="{}">Unlock</a>', badge, url)

    @admin.display(description="role")
    def role(self, person: User) -> str:
        if person.is_superuser:
            return "superuser"
        names = {group.name for group in person.groups.all()}
        return max((r for r in Role if r in names), key=lambda r: r.rank, default="") or "none"
