"""Durable embedded services and Django in this process, for benches that measure the engine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from aura.embedded.places import Places

SUPERUSER = "postgres"


@contextmanager
def services() -> Iterator[Places]:
    """PostgreSQL and Redis of their own, the database migrated and Django ready, until the end.

    Import nothing that has models before entering: settings are read then.
    """
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as directory:
        data = Path(directory)
        data.chmod(0o755)  # PostgreSQL runs as another user where we are root
        places = Places(data)
        environment = os.environ  # noqa: TID251 - a bench decides what the product reads
        for name in [n for n in environment if n.startswith(("AURA_", "HELPDESK_"))]:
            del environment[name]
        environment |= {
            "AURA_DATA_DIR": str(data),
            "AURA_DATABASE_URL": places.database_url(),
            "AURA_REDIS_URL": places.redis_url(),
            "AURA_LOGGING_LEVEL": "warning",
            "AURA_BUDGET_WRITES_PER_MINUTE": "100000",
            "DJANGO_SETTINGS_MODULE": "aura.settings",
        }
        from aura.embedded import Embedded

        with Embedded(data):
            _migrate()
            yield places


def _migrate() -> None:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    connections.close_all()


class Wal:
    """The write-ahead log of one cluster, read from outside the databases that are measured."""

    def __init__(self, places: Places) -> None:
        url = places.database_url("postgres", SUPERUSER)
        self._connection = psycopg.connect(url, autocommit=True)

    def position(self) -> int:
        """Bytes written so far; exact at any moment."""
        return self._number("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")

    def fsyncs(self) -> int:
        """Flushes so far, of all processes. Backends report theirs when they end: close first."""
        while self._number("SELECT count(*) FROM pg_stat_activity WHERE usename = 'aura'"):
            time.sleep(0.01)
        return self._number("SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'")

    def checkpoint(self) -> None:
        """Have the next one far away: the first change of a page after it writes the whole page."""
        self._connection.execute("CHECKPOINT")

    def durability(self) -> dict[str, str]:
        names = ("synchronous_commit", "fsync", "full_page_writes", "wal_sync_method")
        return {name: str(self._row(f"SHOW {name}")) for name in names}

    def _number(self, query: str) -> int:
        return int(self._row(query))

    def _row(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]
