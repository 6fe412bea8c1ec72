"""`manage.py verify_log`: is the log what was written? Ends with 0 or 1."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.audit import halting, sink, witness
from governance.audit.contradiction import HALTED, contradicted
from governance.audit.keys import signing_key
from governance.audit.notes import BadNote, Note
from governance.audit.verify import Verdict, verify


class Command(BaseCommand):
    help = (
        "Check the log: what came since the last verified checkpoint, or everything. Ends with 1"
        " when it is not what was written."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="from the first event on")
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            default=[],
            help="a signed checkpoint, or a file of them, that the log must agree with too",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        began = time.monotonic()
        show = None if options["json"] or not self.stderr.isatty() else self._progress
        try:
            outside = [n for path in options["checkpoint"] for n in _notes(path)]
            outside += self._witnessed()
        except (OSError, BadNote) as error:
            raise CommandError(str(error)) from None
        verdict = verify(full=options["full"] or bool(outside), progress=show, outside=outside)
        if not verdict.valid and not options["checkpoint"]:
            halting.halt(verdict.fault)  # what a person brought along may be of another log
        if options["json"]:
            said = asdict(verdict) | {"valid": verdict.valid}
            self.stdout.write(json.dumps(said, default=str, indent=2))
        else:
            self.stdout.write(_words(verdict, time.monotonic() - began))
        if not verdict.valid:
            sys.exit(1)

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done:,} of {total:,} events", ending="" if done < total else "\n")
        self.stderr.flush()

    def _witnessed(self) -> list[Note]:
        key = signing_key()
        if not settings.AURA.witness_url or key is None:
            return []
        try:
            note = witness.newest(key.public.name)
        except witness.Unwitnessed as error:
            raise CommandError(str(error)) from None
        return [note] if note else []


def _notes(path: Path) -> list[Note]:
    text = path.read_text()
    return list(sink.notes(path)) if text.startswith("{") else [Note.read(text)]


def _words(verdict: Verdict, seconds: float) -> str:
    if not verdict.valid:
        said = f"BROKEN at event {verdict.broken_at}: {verdict.problem}."
        stopped = contradicted()
        return f"{said} {HALTED[0].upper()}{HALTED[1:]}." if stopped else said
    fresh = verdict.hashed - verdict.trusted
    signed = verdict.checkpoint.split("\n")[1] if verdict.checkpoint else "nothing"
    before = f", {verdict.trusted:,} were verified before" if verdict.trusted else ""
    return (
        f"The log holds: {verdict.events:,} events, {fresh:,} checked in {seconds:.1f} s{before};"
        f" signed up to {signed}; last hash {verdict.last_hash or '-'}."
    )
