"""`manage.py log_key`: the public key of the log; a new one; a new one after a restore."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.audit import rotation, sink
from governance.audit.checkpoints import NONE_HERE, Rewritten
from governance.audit.keys import NoKey, signing_key


class Command(BaseCommand):
    help = (
        "Print the public key that the log is signed with. --rotate replaces it; --restored goes"
        " on from a restored backup, under a new name."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--rotate", action="store_true", help="sign with a new key from now on")
        change.add_argument(
            "--restored",
            metavar="REASON",
            help="the database is an older backup, put back on purpose: go on from it",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["rotate"]:
                self.stdout.write(rotation.rotate().text)
            elif options["restored"]:
                self.stdout.write(rotation.accept_restore(reason=options["restored"]).text)
            else:
                self._print()
        except (NoKey, Rewritten, sink.Busy, OSError) as error:
            raise CommandError(str(error)) from None

    def _print(self) -> None:
        key = signing_key()
        if key is None:
            raise CommandError(NONE_HERE)
        self.stdout.write(key.public.text)
