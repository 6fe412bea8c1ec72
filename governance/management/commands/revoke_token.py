"""`manage.py revoke_token [ID …]`: end tokens; without an id, list them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.identity import revoke_token
from governance.models import ApiToken
from governance.types import SYSTEM


class Command(BaseCommand):
    help = "Revoke bearer tokens by their number, or all of a user; without either, list them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="*", type=int)
        parser.add_argument("--user", help="revoke all of this user")

    def handle(self, *_args: Any, **options: Any) -> None:
        tokens = ApiToken.objects.select_related("user").order_by("pk")
        if not options["id"] and not options["user"]:
            for token in tokens:
                self.stdout.write(_line(token))
            return
        if options["user"]:
            tokens = tokens.filter(user__username=options["user"])
        if options["id"]:
            tokens = tokens.filter(pk__in=options["id"])
        if not tokens:
            raise CommandError("there is no such token")
        for token in tokens:
            done = revoke_token(token, by=SYSTEM)
            self.stdout.write(f"{token}: {'revoked' if done else 'was revoked before'}")


def _line(token: ApiToken) -> str:
    state = "revoked" if token.revoked_at else f"valid until {token.expires_at:%Y-%m-%d}"
    used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
    return f"{token.pk}  {token}  {token.role}  {state}  last used {used}"
