"""What the server knows of the test's database."""

from __future__ import annotations

from django.db import connection


def connections_of_others() -> int:
    """How many are open to it beside the one that asks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
