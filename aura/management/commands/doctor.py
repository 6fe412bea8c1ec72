"""`manage.py doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aura.doctor import examine
from aura.doctor.findings import Level
from aura.kernel.telemetry.logs import escaped


class Command(BaseCommand):
    help = "Check everything that Aura needs; ends with 1 if something does not work."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, *_args: Any, **options: Any) -> None:
        findings = []
        for finding in examine(settings.AURA):
            findings.append(finding)
            if not options["json"]:
                self.stdout.write("\n".join(map(escaped, finding.line().split("\n"))))
                self.stdout.flush()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        if any(finding.level is Level.FAIL for finding in findings):
            sys.exit(1)
