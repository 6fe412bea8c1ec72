"""Changing one's own password: the old one is asked for, so it could be guessed here too."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from governance.audit.record import record
from governance.identity import principal


class OwnPasswordForm(AdminPasswordChangeForm):
    """The old password goes the way of a login: a wrong one is told and counts for the lockout."""

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request

    def clean_old_password(self) -> str:
        old = str(self.cleaned_data["old_password"])
        name = self.user.get_username()
        if authenticate(self.request, username=name, password=old) is None:
            raise forms.ValidationError(self.error_messages["password_incorrect"])
        return old


class OwnPasswordView(PasswordChangeView):
    """/admin/password_change/"""

    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def get_success_url(self) -> str:
        return reverse("admin:password_change_done")

    def form_valid(self, form: Any) -> Any:
        answer = super().form_valid(form)
        words = f"{form.user.get_username()}: new password"
        record("user_changed", actor=principal(form.user), action=words)
        return answer


def change_password(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> HttpResponseBase:
    """In the place of `AdminSite.password_change`, which asks nobody whether somebody guesses."""
    context = {**admin.site.each_context(request), **(extra_context or {})}
    return OwnPasswordView.as_view(extra_context=context)(request)
