"""PostgreSQL: there, new enough, allowed, in time, and of this version's shape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection

from aura.config import Settings
from aura.doctor.findings import Finding, fail, graded, ok, reason, warn
from aura.serving.startup import missing_migrations
from governance.audit.protection import TABLES

OLDEST = 140000  # server_version_num
PATIENCE_MS = 5000
FEW, TOO_FEW = 15, 4  # connections
APART_S, FAR_APART_S = 1.0, 30.0
INSERT_ONLY = frozenset(TABLES) - {"governance_auditpending"}


def answers(config: Settings) -> Iterator[Finding]:
    """Opens the connection that the other checks use."""
    try:
        connection.ensure_connection()
        version = connection.cursor().connection.info.server_version
        _rows(f"SET statement_timeout = {PATIENCE_MS}")
    except (OperationalError, InterfaceError) as error:
        yield fail("database", f"it does not answer: {reason(error)}", _how_to_reach(config))
        return
    place = settings.DATABASES["default"]
    text = f"PostgreSQL {_dotted(version)}, database {place['NAME']} on {place['HOST'] or 'here'}"
    if version < OLDEST:
        yield fail("database", text, f"upgrade the server to {_dotted(OLDEST)} or later")
    else:
        yield ok("database", text)


def _how_to_reach(config: Settings) -> str:
    if config.database_url:
        return "start the server, or correct AURA_DATABASE_URL (host, port, password, database)"
    return f"start `manage.py up`; the reason is in {config.data / 'log' / 'postgres.log'}"


def privileges(_config: Settings) -> Iterator[Finding]:
    """May our role do its work, and migrate?"""
    tables = [model._meta.db_table for model in apps.get_models()]  # noqa: SLF001 - public by documentation
    values = [tables, list(TABLES), list(INSERT_ONLY)]
    refused = sorted(row[0] for row in _rows(_REFUSED, values))
    if refused:
        role = _rows("SELECT current_user")[0][0]
        mend = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        yield fail("privileges", f"{role} may not use {', '.join(refused[:5])}", mend)
    elif not _rows("SELECT has_schema_privilege(current_schema(), 'CREATE')")[0][0]:
        mend = "let the role that owns the tables run `manage.py migrate` at an upgrade"
        yield warn("privileges", "this role cannot create tables", mend)
    else:
        yield ok("privileges", "tables can be read, written and migrated")


# Of the log's tables our role needs less, and perhaps has no more (`governance.audit.protection`).
_REFUSED = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(%s)
  AND NOT (has_table_privilege(oid, 'SELECT')
           AND CASE WHEN NOT relname = ANY(%s) THEN
                         has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
                         AND has_table_privilege(oid, 'DELETE')
                    WHEN relname = ANY(%s) THEN has_any_column_privilege(oid, 'INSERT')
                    ELSE has_table_privilege(oid, 'DELETE') END)
"""


def search_path(_config: Settings) -> Iterator[Finding]:
    """Ours is set at each connection; one that was set for the role is somebody's try."""
    found = [setting for (settings_,) in _rows(_SET_PATHS) for setting in settings_]
    paths = [one.partition("=")[2] for one in found if one.startswith("search_path=")]
    text = _rows("SHOW search_path")[0][0]
    if paths:
        mend = "find out who did it; then ALTER ROLE … [IN DATABASE …] RESET search_path"
        said = f"of this role or database is set to {' and '.join(paths)}, and not used ({text} is)"
        yield warn("search path", said, mend)
    else:
        yield ok("search path", text)


_SET_PATHS = """
SELECT s.setconfig FROM pg_db_role_setting s
WHERE s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def connections_left(_config: Settings) -> Iterator[Finding]:
    """A server without a free connection refuses the next worker."""
    used, most = _rows(_CONNECTIONS)[0]
    text = f"{used} of {most} connections in use"
    mend = "raise max_connections, or put PgBouncer (session mode) before the server"
    left = most - used
    yield graded("connections", text, mend, fails=left < TOO_FEW, warns=left < FEW)


# Not pg_stat_activity: it hides other roles' sessions from an ordinary one.
_CONNECTIONS = """
SELECT sum(numbackends)::int, current_setting('max_connections')::int
                              - current_setting('superuser_reserved_connections')::int
FROM pg_stat_database
"""


def clock(_config: Settings) -> Iterator[Finding]:
    """Leases, expiries and the log go by the server's clock; tokens and sessions by ours."""
    before = time.time()
    theirs = float(_rows("SELECT extract(epoch FROM clock_timestamp())")[0][0])
    apart = abs(theirs - (before + time.time()) / 2)
    text = f"{apart:.2f} s between this machine and the database server"
    mend = "synchronise both machines by NTP (chrony, systemd-timesyncd)"
    yield graded("clock", text, mend, fails=apart > FAR_APART_S, warns=apart > APART_S)


def migrations(_config: Settings) -> Iterator[Finding]:
    """Has the database the shape this code expects?"""
    try:
        missing = missing_migrations()
    except Error as error:
        yield fail("migrations", reason(error), "see privileges")
        return
    if missing:
        mend = "run `manage.py migrate` (`manage.py up` does it by itself)"
        yield fail("migrations", f"{missing} migration(s) are not applied", mend)
    else:
        yield ok("migrations", "all applied")


def _rows(statement: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def _dotted(version: int) -> str:
    return f"{version // 10000}.{version % 10000}"
