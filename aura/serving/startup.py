"""What happens between an open database and the first request: tables, and a first login."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from aura.surfaces.access import put_roles_in_place
from governance.identity import issue_token
from governance.types import Role

FIRST_USER = "admin"
LOGIN_NOTE = "first-login.txt"
TOKEN_NOTE = "first-token.txt"  # noqa: S105 - a file's name
# Any number no other advisory lock of the product uses.
STARTUP_LOCK = 0x41555241


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time, on whatever machine, prepares this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [STARTUP_LOCK])
        try:
            yield
        except BaseException:
            connection.close()  # an interrupted statement leaves it unable to unlock
            raise
        cursor.execute("SELECT pg_advisory_unlock(%s)", [STARTUP_LOCK])


def migrate() -> int:
    """Apply what is missing; the number of migrations applied."""
    missing = missing_migrations()
    if missing:
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    else:  # what a role holds may change without a migration
        put_roles_in_place()
    return missing


def missing_migrations() -> int:
    """How many migrations this code has that the database has not."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What the first start made and a later one cannot show again."""

    password: str
    token: str


def first_login(data: Path, *, url: str) -> First | None:
    """Make a superuser, and a token of theirs for the API, if there is no superuser; else None.

    Both are kept in the data directory (0600), the password before the user exists: a start that
    is killed in between leaves a useless note, never an unknown password.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    _keep(data / LOGIN_NOTE, f"{url}\nuser: {FIRST_USER}\npassword: {password}\n")
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=FIRST_USER)
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save()
        # Enough for everything the API's document tells of; people are managed in the console.
        token = issue_token(user, name="first start", role=Role.APPROVER)
        _keep(data / TOKEN_NOTE, f"{token}\n")
    return First(password=password, token=token)


def _keep(note: Path, text: str) -> None:
    note.unlink(missing_ok=True)  # an old one may have been readable by others
    handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
