"""What `manage.py stop` and `manage.py start` share."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from aura.kernel.commands import problems_in_words
from governance.types import ActorKind, Principal


class SwitchCommand(BaseCommand):
    """Turns the stop switch, for a reason, in somebody's name; `done` is said afterwards."""

    done = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", help="goes into the log")
        parser.add_argument("--by", default="command line", help="who does it")

    def handle(self, *_args: Any, **options: Any) -> None:
        actor = Principal(kind=ActorKind.USER, name=options["by"])
        with problems_in_words():
            self.turn(actor=actor, reason=options["reason"])
        self.stdout.write(self.done)

    def turn(self, *, actor: Principal, reason: str) -> None:
        """Set the switch or take it away. Raises `Problem`."""
        raise NotImplementedError
