"""What happens between an open database and the first request: tables, and a first login."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

FIRST_USER = "admin"
LOGIN_NOTE = "first-login.txt"
# Any number no other advisory lock of the product uses.
STARTUP_LOCK = 0x41555241


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time, on whatever machine, prepares this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [STARTUP_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [STARTUP_LOCK])


def migrate() -> int:
    """Apply what is missing; the number of migrations applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    return len(plan)


def first_login(note: Path, *, url: str) -> str | None:
    """Make a superuser if there is none; the new password, or None.

    It is also written to `note` (0600), and before the user exists: a start that is killed in
    between leaves a useless note, never an unknown password.
    """
    users = get_user_model()._default_manager  # noqa: SLF001 - Django's documented name
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{url}\nuser: {FIRST_USER}\npassword: {password}\n")
    user, _ = users.get_or_create(username=FIRST_USER)
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    return password
