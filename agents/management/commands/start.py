"""`manage.py start REASON`: agents that were stopped go on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.runtime import stop
from aura.kernel.errors import Problem
from governance.types import ActorKind, Principal


class Command(BaseCommand):
    help = "Let the agents go on after `manage.py stop`; they do so within seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", help="goes into the log")
        parser.add_argument("--by", default="command line", help="who starts them")

    def handle(self, *_args: Any, **options: Any) -> None:
        actor = Principal(kind=ActorKind.USER, name=options["by"])
        try:
            stop.start(actor=actor, reason=options["reason"])
        except Problem as problem:
            raise CommandError(problem.message) from None
        self.stdout.write("The agents go on.")
