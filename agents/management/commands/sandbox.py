"""`manage.py sandbox`: a simulated cluster with Argo CD; see docs/sandbox.md."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agents.sandbox import command


class Command(BaseCommand):
    help = "Runs a simulated Kubernetes cluster with Argo CD"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """A new process image takes this one's place: Django costs it 100 MB and is not needed."""
        del args, options
        os.execv(  # noqa: S606 - our own interpreter and module
            sys.executable, [sys.executable, "-m", "agents.sandbox", *sys.argv[2:]]
        )
