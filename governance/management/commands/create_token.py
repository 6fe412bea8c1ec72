"""`manage.py create_token NAME`: a bearer token for the API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from governance.identity import issue_token


class Command(BaseCommand):
    help = "Make a bearer token of an existing user and print it: the only time it can be seen."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument("--days", type=int, default=None, help="days until it expires")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['username']!r}")
        days = options["days"]
        valid_for = timedelta(days=days) if days else None
        self.stdout.write(issue_token(user, name=options["name"], valid_for=valid_for))
