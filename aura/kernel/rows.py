"""Writing rows that are at hand, and finding one by its key, without composing a query each time.

The ORM takes 0.3 ms to compose a statement that PostgreSQL carries out in 0.03. What every turn of
an agent and every event of the log writes goes through here; everything else through the ORM. The
statements are Django's own in shape, run on its connection, and no signal is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, transaction
from django.db.models import (
    ForeignKey,
    Model,
)
from psycopg.pq import TransactionStatus

from aura.kernel.database import statements
from aura.kernel.database.prepared import prepared_cursor

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Write:
    """A statement that writes `count` rows; where it does not, `otherwise` is raised.

    `certain`: it writes them or fails. `taken` is given the row that it returns.
    """

    statement: str
    values: Sequence[Any]
    count: int
    otherwise: Exception
    certain: bool = False
    taken: Callable[[tuple[Any, ...]], None] | None = None


class _Together:
    """Statements that go to the database as one message."""

    def __init__(self) -> None:
        self._writes: list[_Write] = []

    def add(self, write: _Write) -> None:
        self._writes.append(write)

    def send(self, question: str = "", values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Send everything, and `question` last where there is one: its first row."""
        writes, self._writes = self._writes, []
        if not writes and not question:
            return None
        waiting = _together.get()
        if waiting is not None and waiting is not self:
            waiting.send()  # what was written before is found
        texts = [write.statement for write in writes] + ([question] if question else [])
        sent = [*(v for write in writes for v in write.values), *values]
        begins = _not_begun()
        # Only a statement that goes alone can be prepared.
        alone = not writes and not begins
        with prepared_cursor(connection) if alone else connection.cursor() as cursor:
            if begins:
                _begin_along(cursor, "; ".join(texts), sent)
            else:
                cursor.execute("; ".join(texts), sent)
            for write in writes:
                if cursor.rowcount != write.count:
                    raise write.otherwise
                if write.taken is not None:
                    write.taken(cursor.fetchone())
                cursor.nextset()
            row: tuple[Any, ...] | None = cursor.fetchone() if question else None
        return row

    def send_whole(self) -> None:
        """Send everything as a transaction of its own, in one that has said nothing yet."""
        raw = connection.connection
        idle = raw.info.transaction_status is TransactionStatus.IDLE
        if not (idle and self._writes and all(write.certain for write in self._writes)):
            self.send()
            return
        raw.autocommit = True  # tells the client alone; the server is asked nothing
        try:
            self.send()
        finally:
            if not raw.closed:
                raw.autocommit = False

    def before(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Wraps every other statement: it finds what was written before it."""
        self.send()
        return execute(*statement)


def _not_begun() -> bool:
    """Whether Django is in a transaction that the server has not been told of yet."""
    raw = connection.connection
    return (
        connection.in_atomic_block
        and raw is not None
        and not raw.autocommit
        and raw.info.transaction_status is TransactionStatus.IDLE
    )


def _begin_along(cursor: Any, texts: str, values: Sequence[Any]) -> None:
    """Send statements and what begins the transaction, for which the driver would send a message
    of its own. The first result is that of the statements.
    """
    raw = connection.connection
    raw.autocommit = True  # tells the client alone; Django does the same at the end
    try:
        cursor.execute(f"BEGIN; {texts}", values)
    finally:
        if raw.info.transaction_status is TransactionStatus.IDLE and not raw.closed:
            raw.autocommit = False  # nothing was sent
    cursor.nextset()


_together: ContextVar[_Together | None] = ContextVar("together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Inside a transaction: what `insert` and `update` write is sent as one message.

    It leaves before the next statement of another kind, and at the latest at the end, so that
    everything happens in the order in which it is written down.
    """
    with _gathering() as batch:
        yield
        batch.send()


@contextmanager
def one_message() -> Iterator[None]:
    """A transaction; where `insert` alone writes in it, and nothing is read, one message in all.

    PostgreSQL makes a transaction of the statements of a message, so none has to begin or end it.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic(), _gathering() as batch:
        yield
        if outermost:
            batch.send_whole()
        else:
            batch.send()


@contextmanager
def _gathering() -> Iterator[_Together]:
    batch = _Together()
    token = _together.set(batch)
    try:
        with connection.execute_wrapper(batch.before):
            yield batch
    finally:
        _together.reset(token)


def _write(write: _Write) -> None:
    batch = _together.get()
    if batch is not None:
        batch.add(write)
    else:
        alone = _Together()
        alone.add(write)
        alone.send()


def ask(question: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row that a statement returns; what was written before it goes along with it."""
    return (_together.get() or _Together()).send(question, values)


def demand(statement: str, values: Sequence[Any], *, otherwise: Exception) -> None:
    """Change one row. `otherwise` is raised where there is none, no later than anything else that
    is written or read after it.
    """
    _write(_Write(statement, values, 1, otherwise))


def insert(rows: Sequence[Model]) -> None:
    """Insert rows of one model in one statement.

    A key that the database makes is not read back: who needs it calls `insert_for_key`.
    """
    if not rows:
        return
    fields, head, each, _ = statements.insertion(type(rows[0]), makes_key=rows[0].pk is None)
    values = [value for row in rows for value in statements.values_of(fields, row, add=True)]
    statement = head + ", ".join([each] * len(rows))
    failure = DatabaseError(f"not inserted: {statement}")
    _write(_Write(statement, values, len(rows), failure, certain=True))
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as Model.save does


def insert_for_key(row: Model) -> None:
    """Insert a row whose key the database makes, and set that on it."""
    fields, head, each, key = statements.insertion(type(row), makes_key=True)
    statement, values = f"{head}{each} RETURNING {key}", statements.values_of(fields, row, add=True)
    batch = _together.get()
    made = batch.send(statement, values) if batch else _prepared(statement, values)
    assert made is not None  # noqa: S101 - an insert that fails raises
    row.pk = made[0]
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as Model.save does


def take_key(row: Model) -> None:
    """Have the database make the key of a row, and set it when the next message is sent."""
    meta = row._meta  # noqa: SLF001 - public by its documentation
    assert meta.pk is not None  # noqa: S101 - every model has one

    def taken(made: tuple[Any, ...]) -> None:
        row.pk = made[0]

    statement = "SELECT nextval(pg_get_serial_sequence(%s, %s))"
    failure = DatabaseError(f"{meta.db_table} makes no keys")
    _write(
        _Write(
            statement, [statements.quoted(meta.db_table), meta.pk.column], 1, failure, taken=taken
        )
    )


def _prepared(question: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement of its own. To plan it anew costs more than what the driver
    sends to begin a transaction, where none has begun.
    """
    with prepared_cursor(connection) as cursor:
        cursor.execute(question, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def is_new(row: Model) -> bool:
    """Whether the row was never written."""
    return row._state.adding  # noqa: SLF001 - public by its documentation


def update(row: Model, *names: str) -> None:
    """Write these columns of a row. Raises `DatabaseError` when the row is not there."""
    fields, statement = statements.change(type(row), names)
    missing = DatabaseError(f"{type(row).__name__} {row.pk} is not there")
    demand(statement, [*statements.values_of(fields, row, add=False), row.pk], otherwise=missing)


def find(model: type[Row], key: UUID | int | str) -> Row | None:
    """The row with this primary key, or None; as the ORM would read it."""
    return _found(model, statements.whole(model).statement, [key])


def find_by(model: type[Row], name: str, value: Any) -> Row | None:
    """The row that has this value in a column that no other row has it in, or None."""
    return _found(model, statements.whole(model, name).statement, [value])


def find_locked(model: type[Row], key: UUID | int | str) -> Row | None:
    """The same, and the row is locked for this transaction."""
    return _found(model, f"{statements.whole(model).statement} FOR UPDATE", [key])


def changed(model: type[Row], change: str, values: Sequence[Any]) -> Row | None:
    """The row that an UPDATE of one row has left, or None where it changed none."""
    return _found(
        model, f"{change} RETURNING {statements.listed(statements.whole(model).fields)}", values
    )


def read_again(row: Model, *, after: str, values: Sequence[Any]) -> None:
    """Lock a row for this transaction and read all of it anew.

    `after`: a statement that is carried out just before, in the same message. Raises
    `DatabaseError` when the row is not there.
    """
    whole = statements.whole(type(row))
    with connection.cursor() as cursor:
        cursor.execute(f"{after}; {whole.statement} FOR UPDATE", [*values, row.pk])
        cursor.nextset()
        found = cursor.fetchone()
    if found is None:
        raise DatabaseError(f"{type(row).__name__} {row.pk} is not there")
    for field, value in zip(whole.fields, whole.decoded(found), strict=True):
        if isinstance(field, ForeignKey) and field.is_cached(row):
            field.delete_cached_value(row)
        setattr(row, field.attname, value)


def finding(model: type[Model]) -> str:
    """The statement that reads a row by its key: for another connection. `made` makes the row."""
    return statements.whole(model).statement


def made(model: type[Row], found: Sequence[Any]) -> Row:
    """The row of what `finding` found."""
    whole = statements.whole(model)
    return model.from_db(DEFAULT_DB_ALIAS, whole.names, whole.decoded(found))


def _found(model: type[Row], statement: str, values: Sequence[Any]) -> Row | None:
    found = _Together().send(statement, values)
    if found is None:
        return None
    whole = statements.whole(model)
    return model.from_db(connection.alias, whole.names, whole.decoded(found))


def lock(row: Model, *names: str) -> None:
    """Lock a row for this transaction and read these columns anew: none that hold JSON.

    Raises `DatabaseError` when the row is not there.
    """
    fields, statement = statements.reading(type(row), names)
    found = ask(statement, [row.pk])
    if found is None:
        raise DatabaseError(f"{type(row).__name__} {row.pk} is not there")
    for field, value in zip(fields, found, strict=True):
        setattr(row, field.attname, value)
