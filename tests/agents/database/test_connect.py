"""A session on a database always ends, and says in one sentence why."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from agents.database import idle as keeping
from agents.database.connect import Limits, Session, session
from agents.database.idle import idle
from agents.database.statement import look
from agents.database.targets import Target
from agents.runtime.interrupt import Interrupt, Interrupted, held_by
from agents.runtime.tool import NeedsPerson, ToolFailure, TransientFailure
from governance.types import Resource
from tests.agents.database.repairs import READER, SHOP, Desk
from tests.agents.database.servers import Server, until

# What is tested here is the same with every version.
pytestmark = [
    pytest.mark.usefixtures("furnished"),
    pytest.mark.parametrize("furnished", ["18"], indirect=True),
]

SECRET = "hunter2-and-more"
SHORT = Limits(statement_s=5, session_s=1, connect_s=2, answer_s=1)
UNHURRIED_S = 25.0  # what may never be reached: it would hang for a minute or longer


def at(connection_string: str) -> Target:
    return Target(
        id="x",
        label="x (somewhere)",
        resource=Resource(type="database", name="x"),
        connection_string=connection_string,
    )


@pytest.fixture
def shop(furnished: Server) -> Iterator[Target]:
    yield at(furnished.dsn(READER, SHOP))
    idle.clear()


@pytest.fixture(scope="module")
def locked_out(furnished: Server) -> Server:
    """A role with a password, and one that may not log in."""
    with psycopg.connect(furnished.dsn(), autocommit=True) as boss:
        boss.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        boss.execute("CREATE ROLE nologin")
    return furnished


@contextmanager
def black_hole() -> Iterator[int]:
    """The port of a listener that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("kind", "words", "dsn"),
    [
        (NeedsPerson, "no such database", lambda s: s.dsn(READER, "nowhere")),
        (NeedsPerson, "no such role", lambda s: s.dsn("nobody-here", SHOP)),
        (NeedsPerson, "did not accept the password", lambda s: s.tcp("guarded", SECRET)),
        (NeedsPerson, "may not log in", lambda s: s.dsn("nologin", SHOP)),
        (NeedsPerson, "disagree about SSL", lambda s: s.tcp(READER, SECRET) + " sslmode=require"),
        (
            TransientFailure,
            "Nothing listens there",
            lambda s: f"host=127.0.0.1 port=1 password={SECRET}",
        ),
        (TransientFailure, "Nothing listens there", lambda s: f"host=/nowhere password={SECRET}"),
        (
            TransientFailure,
            "cannot be resolved",
            lambda s: f"host=nothing.invalid password={SECRET}",
        ),
    ],
)
def test_why_there_is_no_connection_is_told_in_plain_words(locked_out, kind, words, dsn):
    with pytest.raises(ToolFailure, match=words) as failure, session(at(dsn(locked_out)), "look"):
        pass
    assert type(failure.value) is kind
    diagnosis, line = str(failure.value).split("\n")
    assert line.startswith("ERROR — look failed for x (somewhere): ")
    assert diagnosis.endswith(".")
    assert SECRET not in str(failure.value)


def test_a_server_that_never_answers_is_given_up_in_time():
    began = time.monotonic()
    with (
        black_hole() as port,
        pytest.raises(TransientFailure, match="did not answer in time"),
        session(at(f"host=127.0.0.1 port={port} dbname=x"), "look", limits=SHORT),
    ):
        pass
    assert time.monotonic() - began < 2 + UNHURRIED_S


@pytest.mark.parametrize("when", ["kept", "meanwhile"])
def test_a_server_that_hangs_is_given_up_in_time_and_used_again_later(furnished, shop, when):
    if when == "kept":
        with session(shop, "look") as db:
            db.value("SELECT 1")
    began = time.monotonic()
    with pytest.raises(TransientFailure), stopped(furnished, before=when == "kept") as stop:
        ask(shop, stop)
    assert time.monotonic() - began < 3 + UNHURRIED_S
    with session(shop, "look") as db:
        assert db.value("SELECT 1") == 1


def ask(target: Target, meanwhile: Callable[[], object]) -> None:
    with session(target, "look", limits=SHORT) as db:
        meanwhile()
        db.value("SELECT 1")


@contextmanager
def stopped(server: Server, *, before: bool) -> Iterator[Any]:
    """The server and its children stand still, from the beginning or from a call on."""
    stopped_pids: list[int] = []

    def stop() -> None:
        if not stopped_pids:
            stopped_pids.extend(server.processes())
        for pid in stopped_pids:
            os.kill(pid, signal.SIGSTOP)

    try:
        if before:
            stop()
        yield stop
    finally:
        for pid in stopped_pids:
            os.kill(pid, signal.SIGCONT)


def test_the_server_ends_a_statement_that_takes_too_long(shop):
    limits = Limits(statement_s=0.2)
    with (
        pytest.raises(ToolFailure, match="took longer than it may"),
        session(shop, "look", limits=limits) as db,
    ):
        db.value("SELECT pg_sleep(60)")


def test_a_session_that_raises_its_own_limit_is_ended_by_us(desk: Desk, shop):
    limits = Limits(statement_s=0.2, session_s=0.6)
    with (
        pytest.raises(ToolFailure, match=r"took longer than 0\.6 s and was cancelled"),
        session(shop, "look", limits=limits, reuse=False) as db,
    ):
        patiently(db)
    until(lambda: not sleeping(desk))


def patiently(db: Session) -> None:
    look(db, "SELECT set_config('statement_timeout', '0', true)", most=1)
    look(db, "SELECT pg_sleep(60)", most=1)


def test_a_run_that_is_stopped_ends_its_statement(desk: Desk, shop):
    interrupt = Interrupt()

    def stopped() -> None:
        until(lambda: sleeping(desk))
        interrupt.set()

    stop = threading.Thread(target=stopped)
    stop.start()
    began = time.monotonic()
    with held_by(interrupt), pytest.raises(Interrupted), session(shop, "look") as db:
        db.value("SELECT pg_sleep(60)")
    assert time.monotonic() - began < 2 + UNHURRIED_S
    stop.join()
    until(lambda: not sleeping(desk))


def test_a_run_that_is_stopped_does_not_wait_for_a_connection():
    interrupt = Interrupt()
    threading.Timer(0.2, interrupt.set).start()
    began = time.monotonic()
    with (
        black_hole() as port,
        held_by(interrupt),
        pytest.raises(Interrupted),
        session(at(f"host=127.0.0.1 port={port} dbname=x"), "look"),
    ):
        pass
    assert time.monotonic() - began < UNHURRIED_S


def sleeping(desk: Desk) -> bool:
    return bool(
        desk.value("SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'select pg_sleep%%'")
    )


@pytest.mark.parametrize(
    "attempt",
    [
        "SET TRANSACTION READ WRITE",
        "BEGIN READ WRITE",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET LOCAL transaction_read_only = off",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "COMMIT",
        "ROLLBACK",
    ],
)
def test_a_session_that_reads_cannot_be_made_one_that_writes(desk: Desk, attempt):
    # As the superuser, so that nothing but the transaction stands in the way.
    target = at(desk.server.dsn("postgres", SHOP))
    writes = False
    with suppress(ToolFailure), session(target, "look", reuse=False) as db:
        db.execute(attempt)
        writes = db.value("SHOW transaction_read_only") == "off"
    assert not writes


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM accounts",
        "WITH gone AS (DELETE FROM accounts RETURNING 1) SELECT * FROM gone",
        "SELECT harmless_looking()",
        "CREATE TABLE mine ()",
        "TRUNCATE accounts CASCADE",
    ],
)
def test_a_session_that_reads_changes_nothing(desk: Desk, change):
    target = at(desk.server.dsn("postgres", SHOP))
    with (
        pytest.raises(ToolFailure, match="this is a read-only transaction"),
        session(target, "look", reuse=False) as db,
    ):
        db.execute(change)
    assert desk.value("SELECT count(*) FROM accounts") == 20


def test_a_statement_of_somebody_elses_is_one_statement(desk: Desk):
    target = at(desk.server.dsn("postgres", SHOP))
    with (
        pytest.raises(ToolFailure, match="not valid SQL"),
        session(target, "look", reuse=False) as db,
    ):
        look(db, "SELECT 1; SELECT 2", most=1)


def test_rows_beyond_what_is_wanted_are_not_fetched(shop):
    with session(shop, "look", limits=Limits(session_s=20), reuse=False) as db:
        answer = look(db, "SELECT generate_series(1, 100000000) AS n", most=3)
    assert (answer.columns, answer.rows, answer.more) == (["n"], [[1], [2], [3]], True)


def test_a_written_transaction_is_kept_only_when_the_block_ends_well(desk: Desk):
    target = at(desk.server.dsn("postgres", SHOP))
    with suppress(ZeroDivisionError), session(target, "change", mode="write") as db:
        db.execute("INSERT INTO told VALUES ('lost')")
        raise ZeroDivisionError
    with session(target, "change", mode="write") as db:
        db.execute("INSERT INTO told VALUES ('kept')")
    assert desk.value("SELECT string_agg(what, ',') FROM told") == "kept"
    desk.value("DELETE FROM told RETURNING 1")


def test_a_kept_connection_that_has_died_is_noticed(desk: Desk, shop):
    with session(shop, "look") as db:
        pid = db.value("SELECT pg_backend_pid()")
    with session(shop, "look") as db:
        assert db.value("SELECT pg_backend_pid()") == pid
    desk.value("SELECT pg_terminate_backend(%s, 5000)", pid)
    with session(shop, "look") as db:
        assert db.value("SELECT pg_backend_pid()") != pid


def test_few_connections_are_kept_and_not_for_long(desk: Desk, shop, monkeypatch):
    monkeypatch.setattr(keeping, "KEPT_S", 0.2)
    idle.clear()
    everybody = threading.Barrier(7)

    def at_once() -> None:
        with session(shop, "look") as db:
            db.value("SELECT 1")
            everybody.wait(60)

    threads = [threading.Thread(target=at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    everybody.wait(60)
    for thread in threads:
        thread.join()
    until(lambda: ours(desk) <= keeping.KEPT_EACH)
    until(lambda: ours(desk) == 0)


def ours(desk: Desk) -> int:
    return int(desk.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aura'"))


def test_nothing_is_left_of_one_call_in_the_next(shop):
    with session(shop, "look") as db:
        db.value("SELECT set_config('work_mem', '77MB', true)")
    with session(shop, "look") as db:
        assert db.value("SELECT current_setting('work_mem')") != "77MB"
        assert db.value("SELECT current_setting('search_path')") == "pg_catalog, pg_temp"
        assert db.value("SELECT current_setting('transaction_read_only')") == "on"


def test_what_the_server_remarks_can_be_read(shop):
    with session(shop, "look") as db:
        db.execute("SET LOCAL foo.bar = 'x'")
        db.execute("ABORT")
        db.execute("ABORT")
        assert [remark for remark in db.notices() if "no transaction" in remark]
