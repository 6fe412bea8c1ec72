"""What the server knows of the test's database."""

from __future__ import annotations

from django.db import connection


def sessions_of_others() -> set[int]:
    """The pids of those open to it, without the one that asks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}
