"""`manage.py create_token USER`: a bearer token for the API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from aura.kernel.commands import problems_in_words
from governance.identity import VALID_FOR, issue_token
from governance.types import Role


class Command(BaseCommand):
    help = "Make a bearer token of an existing user and print it: the only time it can be seen."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="whose: the name they log in with")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument(
            "--role",
            choices=[str(role) for role in Role],
            help="what it may do; at most, and by default, what its user may do",
        )
        parser.add_argument(
            "--days", type=int, default=VALID_FOR.days, help="days until it expires (%(default)s)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active user {options['user']!r}: make one in the console (People),"
                " or a superuser with `manage.py createsuperuser`."
            )
        if options["days"] < 1:
            raise CommandError("--days: at least 1.")
        with problems_in_words():
            token = issue_token(
                user,
                name=options["name"],
                role=Role(options["role"]) if options["role"] else None,
                valid_for=timedelta(days=options["days"]),
            )
        self.stdout.write(token)
