"""API tokens: made here, shown once, revoked, and deleted when nobody needs to know of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timezone import now

from aura.kernel.errors import Problem
from governance.access import role_of
from governance.admin.base import ONE_BUTTON, ConsoleAdmin, ModelForm
from governance.identity import VALID_FOR, delete_token, issue_token, principal, revoke_token
from governance.models import ApiToken
from governance.templatetags.shown import visible
from governance.types import Role

MAX_DAYS = 366
OF_OTHERS = "governance.manage_tokens"


class TokenForm(ModelForm):
    """For whom, what for, how much, how long."""

    role = forms.ChoiceField(
        choices=[(role, role) for role in Role],
        help_text="What it may do, at most what its person may do when it is used.",
    )
    days = forms.IntegerField(
        label="Valid for (days)", min_value=1, max_value=MAX_DAYS, initial=VALID_FOR.days
    )

    class Meta:
        model = ApiToken
        fields = ["user", "name", "role"]
        help_texts = {"name": "What it is for, e.g. the program that uses it."}

    def clean_name(self) -> str:
        """A name is shown on pages that are not ours, so it must be what it looks like."""
        name = str(self.cleaned_data["name"])
        if visible(name) != name:
            raise forms.ValidationError("The name holds characters that cannot be seen.")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        owner, role = data.get("user"), data.get("role")
        if owner and role:
            own = role_of(owner)
            if own is None or Role(role).rank > own.rank:
                self.add_error("role", f"{visible(owner.get_username())} is {own or 'no role'}.")
        return data


class ApiTokenAdmin(ConsoleAdmin):
    """Everybody has their own tokens; an admin sees and makes those of others.

    A token acts as its person: nobody makes one for somebody who may do more than they.
    """

    form = TokenForm
    list_display = ["label", "owner", "role", "created", "used", "ends", "take_back"]
    list_display_links = None
    ordering = ["-created_at", "-id"]
    list_select_related = ["user"]

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        name = "governance_apitoken_revoke"
        return [path("<int:token_id>/revoke/", revoke, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).filter(user__in=_people(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user":
            options["queryset"] = _people(request)
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.name == "user" and field is not None:
            field.initial = request.user.pk
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        del request
        return {"role": Role.VIEWER}  # the least; more is chosen, not left as it is

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        del change
        token = issue_token(
            obj.user,
            name=obj.name,
            role=Role(obj.role),
            valid_for=timedelta(days=form.cleaned_data["days"]),
            by=principal(request.user),
        )
        messages.success(request, f"Copy the token now, it is not shown again: {token}")

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        delete_token(obj, by=principal(request.user))

    def revoke_view(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """GET asks, POST /admin/governance/apitoken/:id/revoke/ does it."""
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        if not self.has_delete_permission(request):
            raise PermissionDenied
        token = self.get_object(request, str(token_id))
        if token is None:
            return self.absent(request, str(token_id))
        if request.method == "POST":
            done = revoke_token(token, by=principal(request.user))
            messages.success(request, "The token is revoked." if done else "It was revoked before.")
            return HttpResponseRedirect(reverse("admin:governance_apitoken_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke a token",
            "opts": self.opts,
            "token": token,
        }
        return TemplateResponse(request, "admin/governance/apitoken/revoke.html", context)

    def response_add(self, *_: Any, **__: Any) -> HttpResponse:
        """The message of `save_model` says it all."""
        return HttpResponseRedirect(reverse("admin:governance_apitoken_changelist"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), **ONE_BUTTON}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except Problem as problem:  # the owner lost a role while the form was open
            messages.error(request, visible(problem.message))
            return HttpResponseRedirect(request.path)

    @admin.display(description="name", ordering="name")
    def label(self, token: ApiToken) -> str:
        return visible(token.name)

    @admin.display(description="of", ordering="user__username")
    def owner(self, token: ApiToken) -> str:
        return visible(token.user.get_username())

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, token: ApiToken) -> str:
        return f"{token.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="last used (UTC)", ordering="last_used_at")
    def used(self, token: ApiToken) -> str:
        return f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"

    @admin.display(description="valid until (UTC)", ordering="expires_at")
    def ends(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return f"revoked {token.revoked_at:%Y-%m-%d %H:%M}"
        gone = " (expired)" if token.expires_at <= now() else ""
        return f"{token.expires_at:%Y-%m-%d %H:%M}{gone}"

    @admin.display(description="end it")
    def take_back(self, token: ApiToken) -> str:
        live = token.revoked_at is None and token.expires_at > now()
        verb, words = ("revoke", "Revoke") if live else ("delete", "Delete")
        url = reverse(f"admin:governance_apitoken_{verb}", args=[token.pk])
        return format_html('<a href="{}">{}</a>', url, words)


def _people(request: HttpRequest) -> QuerySet[User]:
    """Whose tokens this person may see, make and take back."""
    me = request.user
    if me.is_superuser:
        return User.objects.all()
    if me.has_perm(OF_OTHERS):
        return User.objects.filter(is_superuser=False)
    return User.objects.filter(username=me.get_username())
