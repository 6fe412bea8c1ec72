"""A primary and its streaming standby, and a log that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agents.database.idle import idle
from tests.agents.database.looking import LOOKS, look, register
from tests.agents.database.servers import OLD, Server, server, standby_of, until

pytestmark = pytest.mark.django_db
SQL = Path(__file__).resolve().parents[3] / "deploy" / "sql" / "aura_readonly.sql"
SECRET = "hunter2-and-more"


@dataclass
class Pair:
    primary: Server
    standby: Server

    def run(self, sql: str, on: Server | None = None) -> Any:
        with psycopg.connect((on or self.primary).dsn(), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchone() if cursor.description else None


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    if not (OLD / "postgres").exists():
        pytest.skip("no PostgreSQL 15 on this machine")
    with server(OLD, collects_log=True) as primary, standby_of(primary) as standby:
        pair = Pair(primary, standby)
        pair.run(SQL.read_text())
        until(lambda: pair.run("SELECT 1 FROM pg_roles WHERE rolname = 'aura_readonly'", standby))
        yield pair
        idle.clear()


@pytest.fixture
def pair(servers: Pair, settings: Any, tmp_path: Path) -> Pair:
    """Both are registered, reached by the role that the product ships."""
    register(
        settings,
        tmp_path,
        first={"connection_string": servers.primary.dsn("aura_readonly")},
        second={"connection_string": servers.standby.dsn("aura_readonly")},
    )
    return servers


@pytest.mark.parametrize("name", LOOKS)
def test_every_look_works_on_a_standby(pair: Pair, name):
    assert look(name, connection_string="second").content


def test_the_primary_tells_of_its_replicas(pair: Pair):
    pair.run("CREATE TABLE IF NOT EXISTS moved AS SELECT 1")
    until(
        lambda: look("check_replication_lag", connection_string="first").data["max_lag_bytes"] == 0
    )
    status = look("get_replication_status", connection_string="first").data
    assert status["role"] == "primary"
    assert [row["state"] for row in status["replicas"]] == ["streaming"]
    assert look("get_status_summary", connection_string="first").data["replicas"] == 1


def test_no_lag_is_said_in_one_sentence(pair: Pair):
    # Once everything is replayed and the line was idle, the server measures none any more.
    def told() -> str:
        return look("check_replication_lag", connection_string="first").content

    pair.run("CHECKPOINT")
    assert told().startswith("Replication lag is")


def test_the_standby_tells_how_far_it_is(pair: Pair):
    pair.run("SELECT pg_wal_replay_pause()", pair.standby)
    pair.run("CREATE TABLE unseen AS SELECT generate_series(1, 1000)")
    try:
        until(lambda: lagging() > 0)
        result = look("get_replication_status", connection_string="second")
        assert result.data["role"] == "standby"
        assert result.data["standby"]["replay_paused"] is True
        assert "Replay is PAUSED" in result.content
        summary = look("get_status_summary", connection_string="second")
        assert "Replay is paused" in " ".join(summary.data["attention"])
    finally:
        pair.run("SELECT pg_wal_replay_resume()", pair.standby)
        pair.run("DROP TABLE unseen")
    until(lambda: lagging() == 0)
    data = look("check_replication_lag", connection_string="second").data
    assert data["standby"]["replay_lag_ms"] == 0


def lagging() -> int:
    data = look("check_replication_lag", connection_string="second").data
    return int(data["standby"]["replay_lag_bytes"] or 0)


def test_the_password_of_replication_is_shown_by_no_look(pair: Pair):
    for name in LOOKS:
        result = look(name, connection_string="second")
        assert "hidden-7" not in f"{result.content}{result.data}"


def test_slots_tell_what_is_kept_for_them(pair: Pair):
    pair.run("SELECT pg_create_physical_replication_slot('left_behind', true)")
    try:
        result = look("get_replication_status", connection_string="first")
        (slot,) = result.data["slots"]
        assert (slot["slot_name"], slot["active"]) == ("left_behind", False)
        assert slot["retained_bytes"] >= 0
    finally:
        pair.run("SELECT pg_drop_replication_slot('left_behind')")


def test_the_log_is_read_by_the_function_that_is_shipped(pair: Pair):
    refused = look("read_pg_log", connection_string="first")
    assert "aura.log_tail" in refused.content
    pair.run(optional("CREATE SCHEMA IF NOT EXISTS aura", "GRANT EXECUTE ON FUNCTION aura"))
    pair.run(
        f"SET log_min_messages = notice; DO $$ BEGIN RAISE WARNING 'noted, password={SECRET}';"
        " RAISE WARNING 'also this'; END $$"
    )

    def noted() -> Any:
        return look("read_pg_log", connection_string="first", filter="NOTED", lines=5)

    until(lambda: noted().data["count"])  # a process of its own writes the file, when it can
    result = noted()
    assert result.data["count"] == 1
    assert "noted, password=" in result.content
    assert SECRET not in f"{result.content}{result.data}"
    everything = look("read_pg_log", connection_string="first", lines=500).content
    assert "also this" in everything


def optional(first: str, last: str) -> str:
    """The statements that the file holds as a comment, from one line to another."""
    lines = [line.removeprefix("--").strip() for line in SQL.read_text().splitlines()]
    begin = next(at for at, line in enumerate(lines) if line.startswith(first))
    end = next(at for at, line in enumerate(lines) if line.startswith(last))
    return "\n".join(lines[begin : end + 1])
