"""`manage.py protect_log --admin-url URL`: the log's tables get an owner that cannot log in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from governance.audit import protection


class Command(BaseCommand):
    help = (
        "Give the tables of the log to the role aura_log, so that Aura's own role can add to them"
        " and nothing else. `up` does it by itself on its own server."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--admin-url",
            required=True,
            help="a superuser on the same database: postgresql://postgres:…@host/aura",
        )
        parser.add_argument(
            "--release",
            action="store_true",
            help="give them back, before `manage.py migrate`; protect them again afterwards",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_user, usesuper FROM pg_user WHERE usename = current_user"
            )
            role, superuser = cursor.fetchone()
        if superuser and not options["release"]:
            raise CommandError(
                f"{role}, the role of AURA_DATABASE_URL, is a superuser, whom no grant binds: make"
                " one that is not (docs/log.md)"
            )
        act = protection.lift if options["release"] else protection.protect
        try:
            act(options["admin_url"], role)
        except psycopg.Error as error:
            raise CommandError(" ".join(str(error).split())) from None
        self.stdout.write(f"The log belongs to {protection.owner_of_log(connection)}.")
