"""`manage.py serve ROLE`: one process of the production shape (docker-compose.yml)."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aura.celery import app as celery
from aura.config import Settings, unknown_names
from aura.serving.interrupts import Interrupted, Interrupts
from aura.serving.roles import (
    CELERY_ROLES,
    WEB_ROLES,
    NotMigrated,
    celery_arguments,
    serve_http,
)
from aura.serving.sockets import CannotBind


class Command(BaseCommand):
    help = (
        "Serve one role alone: every port (web), event streams (stream), or Celery's worker or"
        " beat. Starts no database and no Redis, and migrates nothing."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=[*WEB_ROLES, *CELERY_ROLES])

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Settings = settings.AURA
        role: str = options["role"]
        for warning in unknown_names():
            self.stderr.write(f"warning: {warning}")
        if role in CELERY_ROLES:
            celery.start(celery_arguments(role, config))
        else:
            self._http(role, config)

    def _http(self, role: str, config: Settings) -> None:
        try:
            serve_http(role, config, Interrupts(), on_ready=lambda: self._ready(role))
        except Interrupted:
            pass
        except (CannotBind, NotMigrated) as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _ready(self, role: str) -> None:
        self.stdout.write(f"{role} is ready.")
        self.stdout.flush()
