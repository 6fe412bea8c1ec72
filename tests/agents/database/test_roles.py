"""What the shipped roles may do, and that it is no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.agents.database.repairs import SHOP
from tests.agents.database.servers import Server

SQL = Path(__file__).resolve().parents[3] / "deploy" / "sql"


@pytest.fixture(scope="module")
def shipped(furnished: Server) -> Server:
    """The files run on a server, twice."""
    with psycopg.connect(furnished.dsn(), autocommit=True) as boss:
        for file in (*sorted(SQL.glob("*.sql")), *sorted(SQL.glob("*.sql"))):
            boss.execute(file.read_text())
    return furnished


@pytest.fixture
def looker(shipped: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(shipped.dsn("aura_readonly", SHOP), autocommit=True) as connection:
        # As somebody would who has the role's password: these are defaults, no walls.
        connection.execute("SET default_transaction_read_only = off")
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts",
        "SELECT * FROM accounts",
        "CREATE TABLE aura_was_here ()",
        "SELECT * FROM pg_shadow",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_reload_conf()",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "CREATE ROLE another SUPERUSER",
        "SET ROLE postgres",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT lo_import('/etc/passwd')",
    ],
)
def test_the_role_that_looks_can_change_and_read_nothing_of_anybody(shipped, looker, statement):
    if statement.startswith("CREATE TABLE"):
        with psycopg.connect(shipped.dsn(dbname=SHOP), autocommit=True) as boss:
            boss.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(errors.InsufficientPrivilege):
        looker.execute(statement)


def test_the_role_that_looks_can_end_nobody(shipped, looker):
    with (
        psycopg.connect(shipped.dsn("someone", SHOP)) as other,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        looker.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid])


def test_the_role_that_looks_sees_what_everybody_does(shipped, looker):
    with psycopg.connect(shipped.dsn("someone", SHOP)) as other:
        other.execute("SELECT 'seen'")
        found = looker.execute(
            "SELECT query FROM pg_stat_activity WHERE pid = %s", [other.info.backend_pid]
        ).fetchone()
    assert found == ("SELECT 'seen'",)


def test_by_itself_it_reads_only(shipped):
    with psycopg.connect(shipped.dsn("aura_readonly", SHOP), autocommit=True) as connection:
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_the_operator_ends_sessions_and_reads_nothing(shipped):
    with (
        psycopg.connect(shipped.dsn("aura_operator", SHOP), autocommit=True) as operator,
        psycopg.connect(shipped.dsn("someone", SHOP)) as other,
        psycopg.connect(shipped.dsn("postgres", SHOP)) as boss,
    ):
        pid = other.info.backend_pid
        assert operator.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone() == (True,)
        with pytest.raises(errors.InsufficientPrivilege):
            operator.execute("SELECT pg_terminate_backend(%s)", [boss.info.backend_pid])
        with pytest.raises(errors.InsufficientPrivilege):
            operator.execute("SELECT * FROM accounts")
