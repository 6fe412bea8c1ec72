"""The console's login form."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm

NAME_CHARS = 150  # of Django's User


class LoginForm(AdminAuthenticationForm):
    """A name longer than any can be costs no check of a password, and is nothing to count by."""

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if len(name) > NAME_CHARS:
            raise self.get_invalid_login_error()
        return name
