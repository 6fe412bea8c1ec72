"""`manage.py first_login`: what `up` does by itself, for a server whose roles run apart."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aura.config import Settings
from aura.embedded.process import make_directory
from aura.serving import startup
from aura.serving.banner import console_url


class Command(BaseCommand):
    help = "Make the first superuser and an operator's token, and print both: the only time."
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        config: Settings = settings.AURA
        make_directory(config.data)
        url = f"{config.public_url}/admin/" if config.public_url else console_url(config)
        with startup.alone():
            made = startup.first_login(config.data, url=url)
        if made is None:
            raise CommandError(
                "There is a superuser already: log in, or `manage.py changepassword`."
            )
        self.stdout.write(f"Console:  {url}")
        self.stdout.write(f"Login:    {startup.FIRST_USER} / {made.password}  (approves)")
        self.stdout.write(f"{startup.FIRST_OPERATOR} opens tickets, with this token:")
        self.stdout.write(f"Token:    {made.token}")
