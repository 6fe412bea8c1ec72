"""Making a connection, within a limit, whatever the name server or the other end do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from functools import partial
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agents.runtime import interrupt

CONNECT_S = 10.0
MOST_REMARKS = 50
# Between us and the server there may be a pooler, and some take no options at the start.
NO_OPTIONS = "unsupported startup parameter"
READ_ONLY = "-c default_transaction_read_only=on"


class Connection(psycopg.Connection[Any]):
    """With what the server remarked."""

    remarks: list[str]


def dial(conninfo: str, limit_s: float, *, read_only: bool) -> Connection:
    """A new connection in autocommit. Raises `psycopg.Error`, or `Interrupted`.

    A thread makes it: a name server that does not answer can be left, but not ended.
    """
    future: Future[Connection] = Future()
    make = partial(_connected, conninfo, limit_s, read_only=read_only)
    threading.Thread(target=_open, args=(make, future), daemon=True, name="database-dial").start()
    with interrupt.current().ending(partial(_give_up, future)):
        try:
            return future.result(limit_s + 1)
        except CancelledError:
            interrupt.current().check()
            raise
        except TimeoutError:
            if future.cancel():
                raise errors.ConnectionTimeout("connection timeout expired") from None
            return future.result()


def _give_up(future: Future[Connection]) -> None:
    future.cancel()


def _open(make: Callable[[], Connection], future: Future[Connection]) -> None:
    try:
        connection = make()
    except BaseException as error:  # noqa: BLE001 - told to who waits
        _deliver(future.set_exception, error)
        return
    if not _deliver(future.set_result, connection):
        connection.close()


def _deliver(deliver: Any, what: Any) -> bool:
    """False: nobody waits any more."""
    try:
        deliver(what)
    except InvalidStateError:
        return False
    return True


def _connected(conninfo: str, limit_s: float, *, read_only: bool) -> Connection:
    said = {**conninfo_to_dict(conninfo), "connect_timeout": str(max(2, round(limit_s)))}
    if not read_only:
        return _made(said)
    options = f"{said.get('options', '')} {READ_ONLY}".strip()
    try:
        return _made({**said, "options": options})
    except psycopg.OperationalError as error:
        if NO_OPTIONS not in str(error):
            raise
    return _made(said)


def _made(said: dict[str, Any]) -> Connection:
    connection = Connection.connect(
        make_conninfo("", **said), autocommit=True, prepare_threshold=None
    )
    connection.remarks = []
    connection.add_notice_handler(
        lambda remark: (
            connection.remarks.append(f"{remark.severity}: {remark.message_primary}")
            if len(connection.remarks) < MOST_REMARKS
            else None
        )
    )
    return connection
