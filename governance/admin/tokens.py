"""API tokens: made here, shown once, taken back by deleting them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import now

from governance.admin.base import ConsoleAdmin, ModelForm
from governance.identity import issue_token
from governance.models import ApiToken
from governance.templatetags.shown import visible

MAX_DAYS = 3650


class TokenForm(ModelForm):
    """For whom, what for, how long."""

    days = forms.IntegerField(
        label="Valid for (days)",
        min_value=1,
        max_value=MAX_DAYS,
        required=False,
        help_text="Empty: until it is deleted.",
    )

    class Meta:
        model = ApiToken
        fields = ["user", "name"]
        help_texts = {"name": "What it is for, e.g. the program that uses it."}

    def clean_name(self) -> str:
        """A name is shown on pages that are not ours, so it must be what it looks like."""
        name = str(self.cleaned_data["name"])
        if visible(name) != name:
            raise forms.ValidationError("The name holds characters that cannot be seen.")
        return name


class ApiTokenAdmin(ConsoleAdmin):
    """Everybody has their own tokens; only a superuser sees and makes those of others.

    A token acts as its person: who could make one for anybody could do what anybody can.
    """

    form = TokenForm
    list_display = ["label", "owner", "created_at", "ends", "take_back"]
    list_display_links = None
    ordering = ["-created_at", "-id"]
    list_select_related = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens = super().get_queryset(request)
        return tokens if request.user.is_superuser else tokens.filter(user_id=request.user.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user" and not request.user.is_superuser:
            options["queryset"] = get_user_model().objects.filter(
                username=request.user.get_username()
            )
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.name == "user" and field is not None:
            field.initial = request.user.pk
        return field

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        del change
        days = form.cleaned_data["days"]
        token = issue_token(
            obj.user, name=obj.name, valid_for=timedelta(days=days) if days else None
        )
        messages.success(request, f"Copy the token now, it is not shown again: {token}")

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
        plain = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **plain}
        )

    @admin.display(description="name", ordering="name")
    def label(self, token: ApiToken) -> str:
        return visible(token.name)

    @admin.display(description="of", ordering="user__username")
    def owner(self, token: ApiToken) -> str:
        return visible(token.user.get_username())

    @admin.display(description="valid until", ordering="expires_at")
    def ends(self, token: ApiToken) -> str:
        if token.expires_at is None:
            return "deleted"
        gone = " (expired)" if token.expires_at <= now() else ""
        return f"{token.expires_at:%Y-%m-%d %H:%M}{gone}"

    @admin.display(description="")
    def take_back(self, token: ApiToken) -> str:
        url = reverse("admin:governance_apitoken_delete", args=[token.pk])
        return format_html('<a href="{}">Delete</a>', url)
