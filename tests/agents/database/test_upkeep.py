"""Upkeep of real servers: vacuum, slots, replay, settings, counters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from agents.runtime.tool import Inspection, NeedsPerson, ToolFailure
from governance.types import ActionClass
from tests.agents.database.repairs import BOSS, Desk, everything, listed
from tests.agents.database.servers import Server, standby_of, until

HOSTILE_NAMES = ["accounts; DROP TABLE told", "x'; DELETE FROM accounts; --", 'a"b', "%", "$(id)"]


@pytest.fixture
def boss(desk: Desk, tmp_path: Path, settings: Any) -> Desk:
    """Repairs are made as a role that may make them all."""
    listed(desk.server, tmp_path, settings, operator=BOSS)
    return desk


# --- run_vacuum -----------------------------------------------------------------------------------


def test_a_table_is_vacuumed_and_analyzed(boss: Desk) -> None:
    with boss.connect() as connection:
        connection.execute('CREATE TABLE "Odd ""na;me" AS SELECT generate_series(1, 500) AS n')
        connection.execute('DELETE FROM "Odd ""na;me" WHERE n < 400')
    try:
        table = 'public."Odd ""na;me"'
        assert "500 rows" not in (plan := boss.inspect("run_vacuum", table=table).plan)
        assert "VACUUM and ANALYZE" in plan
        told = boss.call("run_vacuum", table=table)
    finally:
        with boss.connect() as connection:
            connection.execute('DROP TABLE "Odd ""na;me"')
    assert told.data["verify_status"] == "ok"
    assert told.data["dead_before"] == 399
    assert told.data["dead_after"] == 0


def test_dead_rows_that_somebody_holds_are_a_warning(boss: Desk) -> None:
    with boss.connect() as holder, boss.connect() as connection:
        connection.execute("CREATE TABLE busy AS SELECT generate_series(1, 3000) AS n")
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM told")
        connection.execute("DELETE FROM busy")
        connection.execute("SELECT pg_stat_force_next_flush()")
        until(lambda: _dead(boss, "busy") == 3000)
        told = boss.call("run_vacuum", table="busy", analyze=False)
        holder.execute("COMMIT")
        connection.execute("DROP TABLE busy")
    assert told.data["verify_status"] == "warning"
    assert "a long transaction, a prepared one or a replication slot" in told.content


def _dead(desk: Desk, table: str) -> int:
    sql = "SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = %s"
    return int(desk.value(sql, table))


def test_a_vacuum_that_the_server_skips_is_a_failure(desk: Desk) -> None:
    """The server warns and reports success."""
    with desk.connect() as connection:
        connection.execute("CREATE TABLE private (n int)")
        try:
            with pytest.raises(NeedsPerson, match="VACUUM was skipped"):
                desk.call("run_vacuum", table="private")
        finally:
            connection.execute("DROP TABLE private")


@pytest.mark.parametrize("table", [*HOSTILE_NAMES, "nowhere", "pg_stat_activity", "accounts_pkey"])
def test_a_table_that_is_none_is_told_and_nothing_changes(boss: Desk, table: str) -> None:
    before = everything(boss)
    assert boss.fails("run_vacuum", table=table)
    assert everything(boss) == before


# --- drop_replication_slot ------------------------------------------------------------------------


@pytest.fixture
def slot(boss: Desk) -> Iterator[str]:
    with boss.connect() as connection:
        connection.execute("SELECT pg_create_physical_replication_slot('left_over', true)")
        yield "left_over"
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = 'left_over'"
        )


def test_a_slot_that_nobody_uses_is_dropped(boss: Desk, slot: str) -> None:
    assert boss.action_class("drop_replication_slot", slot_name=slot) is ActionClass.DESTRUCTIVE
    seen = boss.inspect("drop_replication_slot", slot_name=slot)
    assert "Nobody uses it" in seen.plan
    assert boss.probe("drop_replication_slot", seen, slot_name=slot) is None
    told = boss.call("drop_replication_slot", slot_name=slot)
    assert told.content == "Replication slot left_over is gone."
    assert told.data["verify_status"] == "ok"
    assert boss.probe("drop_replication_slot", seen, slot_name=slot) is not None
    assert "There is no replication slot" in boss.fails("drop_replication_slot", slot_name=slot)


def test_another_slot_of_the_same_name_is_not_dropped(boss: Desk, slot: str) -> None:
    seen = boss.inspect("drop_replication_slot", slot_name=slot)
    other = Inspection(preconditions={**seen.preconditions, "position": "0/1"})
    with pytest.raises(ToolFailure, match="not as it was"):
        boss.call("drop_replication_slot", seen=other, slot_name=slot)
    with pytest.raises(ToolFailure, match="not known which"):
        boss.probe("drop_replication_slot", other, slot_name=slot)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_slots_and_a_settings_name_are_names(boss: Desk, name: str) -> None:
    with pytest.raises(ValidationError):
        boss.bound("drop_replication_slot", slot_name=name)
    with pytest.raises(ValidationError):
        boss.bound("reset_pg_setting", name=name)


# --- reset_pg_setting -----------------------------------------------------------------------------


def test_a_setting_goes_back_to_what_it_was(boss: Desk) -> None:
    with boss.connect() as connection:
        connection.execute("ALTER SYSTEM SET work_mem = '77MB'")
        connection.execute("SELECT pg_reload_conf()")
    until(lambda: boss.value("SHOW work_mem") == "77MB")
    seen = boss.inspect("reset_pg_setting", name="WORK_MEM")
    assert "Now it is 78848 kB, from configuration file (postgresql.auto.conf)" in seen.plan
    told = boss.call("reset_pg_setting", name="WORK_MEM")
    assert told.data["verify_status"] == "ok"
    assert told.data["after"] == "4096 kB"
    assert boss.value("SHOW work_mem") == "4MB"
    assert boss.call("reset_pg_setting", name="work_mem").data["verify_status"] == "ok"  # again


def test_a_setting_that_takes_a_restart_is_a_warning(boss: Desk) -> None:
    with boss.connect() as connection:
        connection.execute("ALTER SYSTEM SET max_wal_senders = 9")
        connection.execute("SELECT pg_reload_conf()")
    until(lambda: boss.value("SELECT pending_restart FROM pg_settings WHERE name ~ 'max_wal_s'"))
    assert "next restart" in boss.inspect("reset_pg_setting", name="max_wal_senders").plan
    told = boss.call("reset_pg_setting", name="max_wal_senders")
    assert told.data["verify_status"] == "warning"
    assert "until the server is restarted" in told.content
    assert "max_wal_senders" not in boss.value("SELECT pg_read_file('postgresql.auto.conf')")


def test_a_setting_that_is_none_or_may_not_be_set_is_told(boss: Desk, desk: Desk) -> None:
    assert "There is no setting nothing.x" in boss.fails("reset_pg_setting", name="nothing.x")
    assert "cannot be set at all" in boss.fails("reset_pg_setting", name="block_size")


def test_a_role_that_may_not_reset_is_told(desk: Desk) -> None:
    with pytest.raises(NeedsPerson, match="ERROR — reset_pg_setting failed for shop"):
        desk.call("reset_pg_setting", name="work_mem")


# --- reset_cache_stats ----------------------------------------------------------------------------


def test_counters_begin_again_and_it_is_seen_after_a_crash(boss: Desk) -> None:
    seen = boss.inspect("reset_cache_stats")
    assert "blocks hit" in seen.plan
    assert boss.probe("reset_cache_stats", seen) is None
    told = boss.call("reset_cache_stats")
    assert told.data["verify_status"] == "ok"
    assert boss.probe("reset_cache_stats", seen) is not None


# --- resume_wal_replay ----------------------------------------------------------------------------


def test_only_a_standby_replays(boss: Desk) -> None:
    assert "is a primary" in boss.fails("resume_wal_replay")


@pytest.fixture(scope="session")
def standby(furnished: Server) -> Iterator[Server]:
    with standby_of(furnished) as made:
        yield made


def test_a_paused_standby_goes_on_and_its_sender_is_left_alone(
    boss: Desk, standby: Server, tmp_path: Path, settings: Any
) -> None:
    sender = boss.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'")
    assert "stops a standby from following" in boss.fails("terminate_connection", pid=sender)

    listed(standby, tmp_path, settings, operator=BOSS)
    after = Desk(standby)
    assert after.call("resume_wal_replay").content == "Replay was not paused."
    with psycopg.connect(standby.dsn(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
    assert "is paused" in after.inspect("resume_wal_replay").plan
    told = after.call("resume_wal_replay")
    assert told.content == "Replay goes on."
    assert told.data["verify_status"] == "ok"
    assert "ERROR" in after.fails("run_query", query="DELETE FROM accounts WHERE id = 1")
