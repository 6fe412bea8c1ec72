"""One session on a user's database, with an end: nothing here waits longer than its limit.

The server ends a statement that takes too long. Where it does not, because it hangs or is gone, a
watchdog of ours asks it to cancel and then cuts the line. A run that is stopped does the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, LiteralString, TypeAlias

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from agents.database.dialling import CONNECT_S, Connection, dial
from agents.database.failures import failure, told
from agents.database.idle import idle
from agents.database.lifeline import Lifeline
from agents.database.targets import Target
from agents.runtime import interrupt
from agents.runtime.tool import ToolFailure, TransientFailure

Mode: TypeAlias = Literal["read", "write", "autocommit"]
Row: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
Statement: TypeAlias = LiteralString | SQL | Composed


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds. `session_s` counts from the connection on and includes everything."""

    statement_s: float = 15.0
    lock_s: float = 3.0
    session_s: float = 25.0
    connect_s: float = CONNECT_S
    answer_s: float = 5.0  # for a server that has let us in to begin


LIMITS = Limits()
OWN_NAMES = "pg_catalog, pg_temp"
_BEGIN = {"read": "BEGIN READ ONLY;", "write": "BEGIN READ WRITE;", "autocommit": ""}


class Session:
    """Statements on one connection. Values are bound, never spliced; one statement a call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.settled = False  # the block has committed by itself

    @property
    def version(self) -> int:
        """The server's, e.g. 150018; its major version is `version // 10000`."""
        return self._connection.info.server_version

    @cached_property
    def standby(self) -> bool:
        return bool(self.value("SELECT pg_is_in_recovery()"))

    def rows(self, sql: Statement, parameters: Parameters = ()) -> list[Row]:
        """Every row of a statement of our own; its text bounds them with LIMIT."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def row(self, sql: Statement, parameters: Parameters = ()) -> Row:
        """The first row; an empty one when there is none."""
        return next(iter(self.rows(sql, parameters)), {})

    def value(self, sql: Statement, parameters: Parameters = ()) -> Any:
        """The first column of the first row; None when there is none."""
        return next(iter(self.row(sql, parameters).values()), None)

    def execute(self, sql: Statement, parameters: Parameters = ()) -> None:
        """For statements without rows."""
        self._connection.execute(sql, parameters or None)

    @property
    def connection(self) -> Connection:
        """For statements of others, see `agents.database.statement`."""
        return self._connection

    def notices(self) -> list[str]:
        """What the server remarked so far (WARNING, NOTICE)."""
        return list(self._connection.remarks)


@contextmanager
def session(
    target: Target,
    tool: str,
    *,
    mode: Mode = "read",
    limits: Limits = LIMITS,
    reuse: bool = True,
) -> Iterator[Session]:
    """A session on `target`; what the database refuses inside is the failure of `tool`.

    read        a READ ONLY transaction, rolled back at the end
    write       a transaction as the operator role, committed unless the block raises
    autocommit  as the operator role, for what no transaction takes (VACUUM, ALTER SYSTEM)

    `reuse=False` for statements of others: no connection is taken over, and none is left; names
    are looked up along the role's search_path. What only reads and is our own finds PostgreSQL's
    own functions alone, whatever somebody has put into a schema of that database.

    Raises `ToolFailure` and its kinds, and `Interrupted` when the run was stopped.
    """
    keep = reuse and mode == "read"
    conninfo = target.conninfo(operator=mode != "read")
    try:
        connection = _begun(conninfo, mode, limits, keep=keep)
    except psycopg.Error as error:
        interrupt.current().check()
        raise failure(tool, target.label, error) from None
    lifeline = Lifeline(connection, limits.session_s)
    try:
        with lifeline:
            yield (db := Session(connection))
            if not db.settled:
                _finish(connection, mode)
    except psycopg.Error as error:
        if not lifeline.ended:
            raise failure(tool, target.label, error) from None
        interrupt.current().check()
        raise _too_long(tool, target, limits, error) from None
    finally:
        if keep and not lifeline.ended and _is_idle(connection):
            idle.put(conninfo, connection)
        else:
            connection.close()


def _begun(conninfo: str, mode: Mode, limits: Limits, *, keep: bool) -> Connection:
    """A connection in the right state: one that was kept, or a new one where that has died."""
    kept = idle.take(conninfo) if keep else None
    if kept is not None:
        with suppress(psycopg.OperationalError):
            return _begin(kept, mode, limits, own=keep)
    connection = dial(conninfo, limits.connect_s, read_only=mode == "read")
    return _begin(connection, mode, limits, own=keep)


def _begin(connection: Connection, mode: Mode, limits: Limits, *, own: bool) -> Connection:
    """One round trip. The SELECT takes the snapshot after which nobody can ask for READ WRITE."""
    local = "true" if mode != "autocommit" else "false"
    values = {
        "statement_timeout": _milliseconds(limits.statement_s),
        "lock_timeout": _milliseconds(limits.lock_s),
        "idle_in_transaction_session_timeout": _milliseconds(limits.session_s),
        **({"search_path": OWN_NAMES} if own else {}),
    }
    set_values = ", ".join(
        f"pg_catalog.set_config('{name}', '{value}', {local})" for name, value in values.items()
    )
    try:
        with Lifeline(connection, limits.answer_s):
            connection.execute(f"{_BEGIN[mode]} SELECT {set_values}")
    except BaseException:
        connection.close()
        raise
    return connection


def _finish(connection: Connection, mode: Mode) -> None:
    if connection.info.transaction_status is TransactionStatus.IDLE:
        return
    connection.execute("COMMIT" if mode == "write" else "ROLLBACK")


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _is_idle(connection: Connection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE


def _too_long(tool: str, target: Target, limits: Limits, error: psycopg.Error) -> ToolFailure:
    limit = f"{limits.session_s:g} s"
    if isinstance(error, errors.QueryCanceled):
        plain = f"It took longer than {limit} and was cancelled."
        return ToolFailure(told(tool, target.label, plain))
    plain = f"The server did not answer within {limit}, and the line was cut."
    return TransientFailure(told(tool, target.label, plain, "it hangs or is overloaded"))
