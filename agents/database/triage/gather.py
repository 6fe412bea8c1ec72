"""Reading a snapshot: one READ ONLY transaction, one statement a view, nothing waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import errors, sql

from agents.database.connect import Limits, Row, Session, Statement, session
from agents.database.reads_activity import log_text, statements_view
from agents.database.report import masked
from agents.database.targets import Target
from agents.database.triage.snapshot import Snapshot
from agents.database.triage.statements import (
    FILES,
    LOOKS,
    MAY_READ_FILES,
    SETTINGS,
    STATEMENTS,
    WANTED,
    Look,
)
from agents.runtime.tool import ToolFailure

LIMITS = Limits(statement_s=5.0, lock_s=0.2, session_s=20.0)
LOG_BYTES = 1 << 17  # some hundred lines


def gather(target: Target, name: str) -> Snapshot:
    """What a database shows now. One that cannot be reached shows what it answered instead.

    `name`: the tool that asks, for its failures.
    """
    label = target.id or target.label
    try:
        with session(target, name, limits=LIMITS) as db:
            return read(db, label)
    except ToolFailure as failure:
        _, _, answer = str(failure).partition("\n")
        return Snapshot.of(
            target=label,
            failures=answer or str(failure),
            missing=("everything: the database did not let us look (check_connection)",),
        )


def read(db: Session, label: str) -> Snapshot:
    """A snapshot of an open session. What a view refuses is missing, and the others are read."""
    db.execute("SAVEPOINT look")
    reader = _Reader(db)
    rows = {look.view: reader.look(look) for look in LOOKS if reader.applies(look)}
    settings = reader.rows(SETTINGS, [list(WANTED)])
    rows["pg_stat_statements"] = reader.statements()
    if reader.value(MAY_READ_FILES):
        rows["pg_file_settings"] = reader.rows(FILES)
    server = next(iter(rows["server"]), {})
    return Snapshot.of(
        rows,
        settings,
        reader.log(),
        target=label,
        taken_at=server.get("now"),
        missing=[*reader.missing, *_hidden(server)],
    )


class _Reader:
    """Statements of which each may fail by itself."""

    def __init__(self, db: Session) -> None:
        self._db = db
        self.missing: list[str] = []

    def applies(self, look: Look) -> bool:
        here = "standby" if self._db.standby else "primary"
        return self._db.version // 10000 >= look.since and look.only in ("", here)

    def look(self, look: Look) -> list[Row]:
        return self._tried(look.view, look.grant, look.sql)

    def rows(self, statement: Statement, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._tried("", "", statement, parameters)

    def value(self, statement: Statement) -> Any:
        return next(iter(next(iter(self.rows(statement)), {}).values()), None)

    def statements(self) -> list[Row]:
        view = statements_view(self._db)
        return self.rows(sql.SQL(STATEMENTS).format(view)) if view else []

    def log(self) -> str:
        try:
            text = log_text(self._db, LOG_BYTES)
        except (psycopg.Error, ToolFailure):
            self._back()
            text = None  # a server without a readable log is no fault
        return masked((text or "").partition("\n")[2])  # the first line may begin in its middle

    def _tried(
        self, view: str, grant: str, statement: Statement, parameters: Sequence[Any] = ()
    ) -> list[Row]:
        try:
            return list(map(_masked, self._db.rows(statement, parameters)))
        except psycopg.OperationalError as error:
            if self._db.connection.closed:
                raise
            self._back()
            self._say(view, _first_line(error))
        except errors.InsufficientPrivilege:
            self._back()
            self._say(view, f"this role may not read it: {grant} the role of this database")
        except psycopg.DatabaseError as error:
            self._back()
            self._say(view, _first_line(error))
        return []

    def _say(self, view: str, why: str) -> None:
        if view:
            self.missing.append(f"{view}: {why}")

    def _back(self) -> None:
        self._db.execute("ROLLBACK TO SAVEPOINT look")


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]


def _hidden(server: Row) -> Iterator[str]:
    if server and not server["sees_all"]:
        yield f'what sessions of other roles do: GRANT pg_monitor TO "{server["user"]}";'


def _masked(row: Row) -> Row:
    """A row without the passwords of the statement that it tells of."""
    said = row.get("query")
    return {**row, "query": masked(said)} if isinstance(said, str) else row
