"""The log belongs to a database role of its own, and Aura's own role may only add to it.

Triggers stop accidents; their owner can switch them off. After `protect` that is nobody who logs
in: what is left is a superuser of the server, whom signatures and a witness find out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
from psycopg import sql

OWNER = "aura_log"
TABLES = (
    "governance_auditevent",
    "governance_auditlink",
    "governance_auditpending",
    "governance_checkpoint",
)
FUNCTIONS = (
    "governance_append_only",
    "governance_event_dated",
    "governance_event_pending",
    "governance_link",
)
# What the database itself fills in: nobody chooses the number of an event.
NOT_GIVEN = frozenset({"id"})

Connection = psycopg.Connection[tuple[Any, ...]]


def protect(admin_url: str, role: str) -> None:
    """Give the log's tables to `aura_log`, which cannot log in, and `role` what it needs of them.

    `admin_url`: a superuser on that database. May be repeated. Raises `psycopg.Error`.
    """
    with psycopg.connect(admin_url) as admin:
        _make_owner(admin)
        app, owner = sql.Identifier(role), sql.Identifier(OWNER)
        usable = "SELECT has_schema_privilege(%s, 'public', 'USAGE')"
        if not admin.execute(usable, [OWNER]).fetchall()[0][0]:  # else a dump would name the role
            _run(admin, "GRANT USAGE ON SCHEMA public TO {}", owner)
        # Who owns a schema may drop what is in it, whoever owns that.
        _run(admin, "ALTER SCHEMA public OWNER TO CURRENT_USER")
        _run(admin, "GRANT USAGE, CREATE ON SCHEMA public TO {}", app)
        _give(admin, owner)
        for table in TABLES:
            name = sql.Identifier(table)
            _run(admin, "REVOKE ALL ON {} FROM PUBLIC, {}", name, app)
            _run(admin, "GRANT SELECT ON {} TO {}", name, app)
            columns = sql.SQL(", ").join(map(sql.Identifier, _columns(admin, table)))
            if table == "governance_auditpending":  # filled by a trigger, emptied by the sequencer
                _run(admin, "GRANT DELETE ON {} TO {}", name, app)
            else:
                _run(admin, "GRANT INSERT ({}) ON {} TO {}", columns, name, app)
        for sequence in _sequences(admin):  # read by a dump
            _run(admin, "REVOKE ALL ON SEQUENCE {} FROM PUBLIC, {}", sql.Identifier(sequence), app)
            _run(admin, "GRANT SELECT ON SEQUENCE {} TO {}", sql.Identifier(sequence), app)


def lift(admin_url: str, role: str) -> None:
    """Give everything back to `role`, which migrates. Raises `psycopg.Error`."""
    with psycopg.connect(admin_url) as admin:
        app = sql.Identifier(role)
        for table in filter(partial(_columns, admin), TABLES):
            # What is granted to somebody who becomes the owner would stay granted to the next one.
            _run(admin, "REVOKE ALL ON {} FROM {}", sql.Identifier(table), app)
        _give(admin, app)


def owner_of_log(connection: Any) -> str:
    """The role that the table of events belongs to; empty where there is none yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = %s", [TABLES[0]])
        found = cursor.fetchone()
    return str(found[0]) if found else ""


def _make_owner(admin: Connection) -> None:
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
        _run(admin, "CREATE ROLE {} NOLOGIN", sql.Identifier(OWNER))


def _give(admin: Connection, owner: sql.Identifier) -> None:
    """Only what is there: an older version has fewer tables."""
    for table in TABLES:
        if _columns(admin, table):
            _run(admin, "ALTER TABLE {} OWNER TO {}", sql.Identifier(table), owner)
    for function in FUNCTIONS:
        if admin.execute("SELECT 1 FROM pg_proc WHERE proname = %s", [function]).fetchone():
            _run(admin, "ALTER FUNCTION {} OWNER TO {}", sql.Identifier(function), owner)


def _columns(admin: Connection, table: str) -> list[str]:
    found = admin.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
        [f"public.{table}"],
    )
    return [name for (name,) in found if name not in NOT_GIVEN]


def _sequences(admin: Connection) -> list[str]:
    found = admin.execute(
        "SELECT s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid"
        " JOIN pg_class t ON t.oid = d.refobjid"
        " WHERE s.relkind = 'S' AND t.relname = ANY(%s)",
        [list(TABLES)],
    )
    return [name for (name,) in found]


def _run(admin: Connection, statement: str, *names: sql.Composable) -> None:
    admin.execute(sql.SQL(statement).format(*names))
