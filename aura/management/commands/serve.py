"""`manage.py serve ROLE`: one process of the production shape (docker-compose.yml)."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from agents.helpdesk import catalogue
from aura.celery import app as celery
from aura.config import Settings, unknown_names
from aura.embedded.process import make_directory
from aura.serving.interrupts import Interrupted, Interrupts
from aura.serving.roles import (
    CELERY_ROLES,
    WEB_ROLES,
    NotMigrated,
    celery_arguments,
    put_policy_in_place,
    require_database,
    serve_http,
)
from aura.serving.sockets import CannotBind
from aura.serving.witness import CannotWitness, serve_witness
from governance.inventory import InventoryRefused
from governance.policy.nodes import PolicyRefused

WITNESS = "witness"


class Command(BaseCommand):
    help = (
        "Serve one role alone: every port (web), event streams (stream), Celery's worker or beat,"
        " or a witness of other installations' logs. Starts no database and no Redis, and migrates"
        " nothing."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=[*WEB_ROLES, *CELERY_ROLES, WITNESS])

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Settings = settings.AURA
        role: str = options["role"]
        for warning in unknown_names():
            self.stderr.write(f"warning: {warning}")
        catalogue.check_servers()  # a list that cannot be used is said before the start
        try:
            if role in CELERY_ROLES:
                self._celery(role, config)
            elif role == WITNESS:
                serve_witness(config, on_ready=self._witness_ready)
            else:
                if role == "web" and (note := put_policy_in_place()):
                    self.stderr.write(f"warning: {note}")
                serve_http(role, config, Interrupts(), on_ready=lambda: self._ready(role))
        except Interrupted:
            pass
        except (CannotBind, CannotWitness, NotMigrated, PolicyRefused, InventoryRefused) as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _celery(self, role: str, config: Settings) -> None:
        make_directory(config.data)
        require_database()
        celery.start(celery_arguments(role, config))

    def _ready(self, role: str) -> None:
        self.stdout.write(f"{role} is ready.")
        self.stdout.flush()

    def _witness_ready(self, key: str) -> None:
        self.stdout.write(f"AURA_WITNESS_KEY={key}")
        self._ready(WITNESS)
