"""`manage.py stop REASON`: no agent does anything until `manage.py start`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.runtime import stop
from aura.kernel.errors import Problem
from governance.types import ActorKind, Principal


class Command(BaseCommand):
    help = "Stop all agents within a second, with everything they have under way. Nothing is lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reason", help="goes into the log")
        parser.add_argument("--by", default="command line", help="who stops them")

    def handle(self, *_args: Any, **options: Any) -> None:
        actor = Principal(kind=ActorKind.USER, name=options["by"])
        try:
            stop.stop(actor=actor, reason=options["reason"])
        except Problem as problem:
            raise CommandError(problem.message) from None
        self.stdout.write("All agents are stopped. `manage.py start REASON` lets them go on.")
