"""`manage.py up`: everything in one command. ARCHITECTURE §7."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand

from agents.helpdesk import catalogue
from aura import BEGAN
from aura.embedded import ServiceError
from aura.embedded.instance import AlreadyRunning
from aura.serving.interrupts import Interrupted, Interrupts
from aura.serving.run import Up
from aura.serving.sockets import CannotBind


class Command(BaseCommand):
    help = (
        "Serve every port, with worker, scheduler and (where no URL is set) PostgreSQL and Redis."
    )
    requires_system_checks = []  # `make check` runs them; a start should not take a second longer

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="serve only: worker and scheduler run elsewhere",
        )
        parser.add_argument("--quiet", action="store_true", help="print warnings and errors only")

    def handle(self, *_args: Any, **options: Any) -> None:
        catalogue.check_servers()  # a list that cannot be used is said before the start
        interrupts = Interrupts()
        up = Up(interrupts, say=self._warn, workers=not options["no_worker"])
        try:
            up.run(on_ready=lambda text: self._ready(text, quiet=options["quiet"]))
        except Interrupted:
            self._warn("Ended before it was ready.")
        except Exception as error:
            if interrupts.asked:  # a statement that was cut short complains of it while it ends
                return
            if not isinstance(error, AlreadyRunning | CannotBind | ServiceError):
                raise
            self._warn(str(error))
            sys.exit(1)

    def _ready(self, text: str, *, quiet: bool) -> None:
        if quiet:
            return
        with suppress(OSError):  # whoever read our output is gone: no reason to stop serving
            self.stdout.write(f"Aura is ready after {time.monotonic() - BEGAN:.1f} s.\n{text}")
            self.stdout.flush()

    def _warn(self, line: str) -> None:
        with suppress(OSError):
            self.stderr.write(line)
            self.stderr.flush()
