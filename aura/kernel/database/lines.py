"""Connections of an event loop to the database: for the few requests that take no thread.

A statement is prepared at its first use, which halves what PostgreSQL does for a small one, and is
a transaction of its own; new rows of requests that come at once share one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.models import Model

from aura.kernel.database.base import has_input
from aura.kernel.database.gathered import Gathered
from aura.kernel.database.packed import Packed, insertion, packed

Line = psycopg.AsyncConnection[tuple[Any, ...]]


class Lines:
    """At most `most` connections, each made when all others are busy. Of one event loop."""

    def __init__(self, most: int) -> None:
        self._free: asyncio.LifoQueue[Line | None] = asyncio.LifoQueue()
        self._most = most
        for _ in range(most):
            self._free.put_nowait(None)
        self._inserts = Gathered(self._insert, refused)

    async def ask(self, statement: str, values: Any = ()) -> tuple[Any, ...] | None:
        """The first row that a statement returns. Raises Django's `OperationalError`."""
        line = await self._free.get()
        try:
            line = await _usable(line)
            cursor = await line.execute(statement.encode(), values, prepare=True)
            return await cursor.fetchone() if cursor.description else None
        except BaseException as error:
            if line is not None:  # what it was at is not known
                await line.close()
                line = None
            if isinstance(error, psycopg.OperationalError):
                raise OperationalError(*error.args) from error
            raise
        finally:
            self._free.put_nowait(line)

    async def insert(self, *new: Model) -> None:
        """Insert rows of any models, all or none; in one transaction with what others insert now.

        Raises Django's `OperationalError` when they are not known to be written.
        """
        rows = [packed(row) for row in new]
        await self._inserts.write(rows, sum(len(row.row) for row in rows))

    async def _insert(self, together: Sequence[Sequence[Packed]]) -> None:
        await self.ask(*insertion(row for rows in together for row in rows))

    async def close(self) -> None:
        """End those that are idle: at the end of the loop all are."""
        for line in [self._free.get_nowait() for _ in range(self._free.qsize())]:
            if line is not None:
                await line.close()
            self._free.put_nowait(None)


def refused(error: Exception) -> bool:
    """Whether the server says that it did none of it. A connection that ends says nothing."""
    said = error.__cause__ if isinstance(error, OperationalError) else error
    return isinstance(said, psycopg.Error) and said.diag.severity_nonlocalized == "ERROR"


async def _usable(line: Line | None) -> Line:
    """The same connection while the server holds it, else a new one to where Django's lead."""
    if line is not None:
        if not line.closed and not has_input(line.fileno()):
            return line
        await line.close()
    given: dict[str, Any] = connections[DEFAULT_DB_ALIAS].get_connection_params()
    del given["cursor_factory"]
    made: Line = await psycopg.AsyncConnection.connect(**given, autocommit=True)
    return made
