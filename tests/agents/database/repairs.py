"""What tests of changes share: a database worth protecting, and calls as the door makes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from governance.types import ActionClass, Impact
from tests.agents.database.servers import OLD, Server, inventory

READER, OPERATOR, OTHER, BOSS = "looker", "operator", "someone", "postgres"
ROLES = """
CREATE ROLE looker LOGIN IN ROLE pg_monitor;
CREATE ROLE operator LOGIN IN ROLE pg_monitor, pg_signal_backend;
CREATE ROLE someone LOGIN;
CREATE ROLE bystander LOGIN;
"""
TABLES = """
CREATE TABLE accounts (id int PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL);
INSERT INTO accounts SELECT n, 'owner ' || n, n * 10 FROM generate_series(1, 20) n;
CREATE TABLE entries (account int REFERENCES accounts ON DELETE CASCADE, note text);
INSERT INTO entries SELECT 1 + n % 20, 'note' FROM generate_series(1, 60) n;
CREATE SEQUENCE numbers;
CREATE TABLE told (what text);
CREATE FUNCTION harmless_looking() RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM accounts; RETURN 1; END $$;
CREATE PROCEDURE wipe() LANGUAGE sql AS 'DELETE FROM accounts';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker, someone;
GRANT ALL ON ALL TABLES IN SCHEMA public TO operator;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO operator;
GRANT CREATE ON SCHEMA public TO operator;
ALTER TABLE entries OWNER TO operator;
ANALYZE;
"""
SHOP = "shop"


def furnish(server: Server) -> None:
    """The roles, and the database `shop`, in which `operator` may change rows."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for role in filter(None, map(str.strip, ROLES.split(";"))):
            connection.execute(role)
        connection.execute(f"CREATE DATABASE {SHOP}")
    with psycopg.connect(server.dsn(dbname=SHOP), autocommit=True) as connection:
        connection.execute(TABLES)


@dataclass
class Desk:
    """Calls tools on `shop` the way the door does: checked, classified, inspected, run."""

    server: Server
    limit: int | None = None  # of rows that the policy permits
    impacts: list[Impact] = field(default_factory=list)

    @property
    def newest(self) -> bool:
        """The version whose grammar the judge of SQL knows."""
        return self.server.binaries != OLD

    def tool(self, name: str) -> Tool:
        from agents.database.session_tools import session_tools
        from agents.database.sql_tools import sql_tools
        from agents.database.upkeep import upkeep_tools

        return {t.name: t for t in (*sql_tools(), *session_tools(), *upkeep_tools())}[name]

    def call(self, name: str, /, *, seen: Inspection | None = None, **arguments: Any) -> ToolResult:
        """Run a call; what `inspect` said before is bound into it, unless `seen` is given."""
        return self.run(*self.bound(name, **arguments), seen=seen)

    def run(self, tool: Tool, bound: Any, *, seen: Inspection | None = None) -> ToolResult:
        if tool.check:
            tool.check(bound)
        if tool.inspect and tool.classify(bound) is not ActionClass.READ:
            seen = seen or tool.inspect(bound, self.context())
        result = tool.run(bound, self.context(seen))
        assert isinstance(result, ToolResult)
        return result

    def fails(self, name: str, /, **arguments: Any) -> str:
        with pytest.raises(ToolFailure) as failure:
            self.call(name, **arguments)
        return str(failure.value)

    def inspect(self, name: str, /, **arguments: Any) -> Inspection:
        tool, bound = self.bound(name, **arguments)
        assert tool.inspect is not None
        return tool.inspect(bound, self.context())

    def probe(self, name: str, /, seen: Inspection, **arguments: Any) -> ToolResult | None:
        tool, bound = self.bound(name, **arguments)
        assert tool.probe is not None
        return tool.probe(bound, self.context(seen))

    def action_class(self, name: str, /, **arguments: Any) -> ActionClass:
        tool, bound = self.bound(name, **arguments)
        return tool.classify(bound)

    def bound(self, name: str, /, **arguments: Any) -> tuple[Tool, Any]:
        tool = self.tool(name)
        return tool, tool.parameters.model_validate({"connection_string": SHOP, **arguments})

    def context(self, seen: Inspection | None = None) -> CallContext:
        return CallContext(
            call_id="0" * 32,
            trace_id="dt_0f8fad5b-d9c",
            preconditions=seen.preconditions if seen else {},
            permits=self._permits,
        )

    def _permits(self, impact: Impact) -> None:
        self.impacts.append(impact)
        if self.limit is not None and (impact.rows or 0) > self.limit:
            raise ToolFailure(f"policy denied: {impact.rows} rows, limit is {self.limit}")

    def connect(self, user: str = BOSS, **more: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.server.dsn(user, SHOP, **more), autocommit=True)

    def value(self, sql: str, *values: Any) -> Any:
        with self.connect() as connection:
            row = connection.execute(sql, values or None).fetchone()
            return row[0] if row else None


def listed(
    server: Server,
    directory: Path,
    settings: Any,
    *,
    reader: str = READER,
    operator: str = OPERATOR,
    dsn: str = "",
) -> None:
    """The inventory lists `shop`, looked at as `reader` and changed as `operator`."""
    file = directory / "infra.json"
    file.unlink(missing_ok=True)
    shop = {"connection_string": dsn or server.dsn(reader, SHOP), "operator_user": operator}
    inventory(file, **{SHOP: shop})
    settings.AURA = settings.AURA.model_copy(
        update={"infra_config": file, "verify_initial_delay_s": 0.1}
    )


@contextmanager
def waiting(desk: Desk, sql: str, user: str = OTHER) -> Iterator[int]:
    """A session that runs `sql` in the background until its end; its pid."""
    connection = desk.connect(user)
    thread = threading.Thread(target=_quietly, args=(connection, sql), daemon=True)
    pid = connection.info.backend_pid
    thread.start()
    try:
        yield pid
    finally:
        with psycopg.connect(desk.server.dsn(), autocommit=True) as boss:
            boss.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s", [pid]
            )
        thread.join(10)
        connection.close()


def _quietly(connection: psycopg.Connection[Any], sql: str) -> None:
    with suppress(psycopg.Error):
        connection.execute(sql)


State = Callable[[], dict[str, Any]]


def everything(desk: Desk) -> dict[str, Any]:
    """What may have changed: rows, schema, sequences, settings, locks, roles, sessions, files."""
    with desk.connect() as connection:

        def ask(sql: str) -> Any:
            return connection.execute(sql).fetchall()

        return {
            "accounts": ask("SELECT * FROM accounts ORDER BY 1"),
            "entries": ask("SELECT count(*) FROM entries"),
            "told": ask("SELECT * FROM told"),
            "schema": ask(
                "SELECT c.relname, c.relkind, a.attname, a.atttypid FROM pg_class c"
                " JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::"
                "regnamespace AND a.attnum > 0 ORDER BY 1, 3"
            ),
            "functions": ask(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
            ),
            "rights": ask("SELECT relname, relacl::text FROM pg_class ORDER BY oid"),
            "sequence": ask("SELECT last_value, is_called FROM numbers"),
            "objects": ask("SELECT oid FROM pg_largeobject_metadata"),
            "roles": ask("SELECT rolname, rolsuper FROM pg_roles ORDER BY 1"),
            "settings": ask("SELECT name, setting FROM pg_file_settings ORDER BY 1"),
            "slots": ask("SELECT slot_name FROM pg_replication_slots"),
            "locks": ask("SELECT * FROM pg_locks WHERE locktype = 'advisory'"),
            "resets": ask("SELECT stats_reset FROM pg_stat_database WHERE datname = 'shop'"),
        }
