"""`manage.py export_log TARGET`: the log as a bundle that is checked without us."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.audit import sink
from governance.audit.export import VERIFIER, NothingSigned, export
from governance.audit.keys import NoKey


class Command(BaseCommand):
    help = "Write events, checkpoints and keys to a directory or a .tar, and the verifier beside."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        target: Path = options["target"]
        try:
            count, problem = export(target)
        except (NothingSigned, NoKey, sink.Busy, OSError) as error:
            raise CommandError(str(error)) from None
        if problem:
            self.stderr.write(f"nothing more is signed: {problem}")
        self.stdout.write(f"{count:,} events in {target}; check them with:")
        self.stdout.write(f"  python {target.with_name(VERIFIER.name)} {target}")
