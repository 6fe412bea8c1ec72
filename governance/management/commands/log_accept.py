"""`manage.py log_accept REASON --by NAME`: effects go on though the log was found not to hold."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from governance.access import role_of
from governance.audit import halting
from governance.types import ActorKind, Principal, Role


class Command(BaseCommand):
    help = (
        "Let effects begin again though the log does not hold. What was found and the reason become"
        " an event; something else that is found stops them again."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", help="why it is known to be harmless")
        parser.add_argument("--by", required=True, metavar="NAME", help="an admin")

    def handle(self, *_args: Any, **options: Any) -> None:
        name, reason = options["by"], options["reason"].strip()
        person = User.objects.filter(username=name, is_active=True).first()
        if person is None:
            raise CommandError(f"there is no active user {name!r}")
        if role_of(person) is not Role.ADMIN:
            raise CommandError(f"{name} has not the role admin")
        if not reason:
            raise CommandError("give a reason: it is all that is known of it later")
        found = halting.accept(reason=reason, by=Principal(kind=ActorKind.USER, name=name))
        if not found:
            raise CommandError("Nothing stops effects: the log was found to hold.")
        for problem in found:
            self.stdout.write(f"accepted: {problem}")
        self.stdout.write("Effects begin again.")
