"""Sessions of a real server, looked at and ended; the facts marked [VERIFIED] in §4.2."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from agents.database.connect import session
from agents.database.sessions import find as find_session
from agents.database.sessions import refuse_special
from agents.database.targets import find
from agents.runtime.tool import Inspection, NeedsPerson, ToolFailure
from governance.types import ActionClass, Impact
from tests.agents.database.repairs import BOSS, OTHER, SHOP, Desk, listed, waiting
from tests.agents.database.servers import until

WRITES = "UPDATE accounts SET balance = balance WHERE id = 1"
SLEEPS = "SELECT pg_sleep(60)"


@contextmanager
def in_transaction(desk: Desk, sql: str, user: str = "operator") -> Iterator[int]:
    """A session that has run `sql` and sits in its transaction; its pid."""
    with desk.connect(user) as connection:
        connection.execute("BEGIN")
        connection.execute(sql)
        yield connection.info.backend_pid
        if not connection.closed:
            connection.close()


def active(desk: Desk, pid: int) -> bool:
    return bool(desk.value("SELECT state = 'active' FROM pg_stat_activity WHERE pid = %s", pid))


def has_written(desk: Desk, pid: int) -> bool:
    return bool(
        desk.value(
            "SELECT backend_xid IS NOT NULL AND wait_event = 'PgSleep' FROM pg_stat_activity"
            " WHERE pid = %s",
            pid,
        )
    )


def alive(desk: Desk, pid: int) -> bool:
    return bool(desk.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid))


def blocked(desk: Desk, pid: int) -> bool:
    return bool(desk.value("SELECT cardinality(pg_blocking_pids(%s))", pid))


# --- looking --------------------------------------------------------------------------------------


def test_a_session_is_told_with_its_transaction_its_tables_and_who_waits(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid, waiting(desk, WRITES, BOSS) as waiter:
        until(lambda: blocked(desk, waiter))
        told = desk.call("get_session_info", pid=pid)
    assert told.data["state"] == "idle in transaction"
    assert told.data["has_xid"]
    assert told.data["locked_tables"] == {
        "public.accounts": ["RowExclusiveLock"]
    }  # no index among them
    assert told.data["waiters"] == [waiter]
    assert told.data["rollback_max_s"] == pytest.approx(4 * told.data["rollback_min_s"])
    assert "rows it has locked are in no view" in told.content
    assert "1 session waiting for it" in told.content


def test_a_bare_lock_has_an_xid_too_and_is_not_said_to_have_written(desk: Desk) -> None:
    with in_transaction(desk, "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE") as pid:
        told = desk.call("get_session_info", pid=pid)
    assert told.data["has_xid"]
    assert "has written something, or taken a lock" in told.content


def test_the_age_of_a_transaction_counts_where_it_has_an_xid(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid:
        assert desk.inspect("terminate_connection", pid=pid).impact == Impact(xact_age_s=0)
    with in_transaction(desk, "SELECT * FROM accounts") as pid:
        seen = desk.inspect("terminate_connection", pid=pid)
    assert seen.impact == Impact()
    assert "has written nothing so far" in seen.plan


def test_a_password_in_a_query_is_not_shown(desk: Desk) -> None:
    with desk.connect() as boss:
        boss.execute("DO $$ BEGIN /* ALTER ROLE x PASSWORD 'geheim-77' */ END $$")
        told = desk.call("get_session_info", pid=boss.info.backend_pid)
    assert "geheim-77" not in told.content + str(told.data)


def test_a_pid_that_nobody_has_is_told(desk: Desk) -> None:
    assert "There is no session 2147483647" in desk.fails("get_session_info", pid=2**31 - 1)
    assert "There is no session 2147483647" in desk.fails("cancel_query", pid=2**31 - 1)


@pytest.mark.parametrize("pid", ["1; DROP TABLE accounts", "1 OR true", -1, 0, 2**31, "'"])
def test_a_pid_is_a_number(desk: Desk, pid: Any) -> None:
    with pytest.raises(ValidationError):
        desk.bound("terminate_connection", pid=pid)


def test_what_the_role_may_not_see_is_not_ended(desk: Desk, tmp_path: Path, settings: Any) -> None:
    with in_transaction(desk, WRITES) as pid:
        listed(desk.server, tmp_path, settings, reader="bystander")
        with pytest.raises(NeedsPerson, match="hidden from the role"):
            desk.call("terminate_connection", pid=pid)
        assert alive(desk, pid)


# --- cancelling -----------------------------------------------------------------------------------


def test_a_running_statement_is_cancelled_and_the_session_stays(desk: Desk) -> None:
    with desk.connect(OTHER) as connection:
        pid = connection.info.backend_pid
        with waiting(desk, SLEEPS) as sleeper:
            until(lambda: active(desk, sleeper))
            told = desk.call("cancel_query", pid=sleeper)
            assert alive(desk, sleeper)
            assert not active(desk, sleeper)
        assert alive(desk, pid)
    assert told.data["verify_status"] == "ok"
    assert told.data["retry_count"] == 0
    assert told.content.startswith(f"The statement of session {sleeper} was cancelled.")


def test_cancelling_frees_those_who_waited_for_it(desk: Desk) -> None:
    holds = f"{WRITES}; {SLEEPS}"
    with waiting(desk, holds, "operator") as holder, ExitStack() as later:
        until(lambda: has_written(desk, holder))
        waiter = later.enter_context(waiting(desk, WRITES, BOSS))
        until(lambda: blocked(desk, waiter))
        told = desk.call("cancel_query", pid=holder)
        until(lambda: not blocked(desk, waiter))
    assert told.data["verify_status"] == "ok"


def test_cancelling_what_sits_in_its_transaction_is_a_warning_and_changes_nothing(
    desk: Desk,
) -> None:
    with in_transaction(desk, WRITES) as pid, waiting(desk, WRITES, BOSS) as waiter:
        until(lambda: blocked(desk, waiter))
        assert "nothing would be freed" in desk.inspect("cancel_query", pid=pid).plan
        told = desk.call("cancel_query", pid=pid)
        assert blocked(desk, waiter)
    assert told.data["verify_status"] == "warning"
    assert told.content.startswith("VERIFICATION WARNING: session")
    assert "locks on public.accounts" in told.content


def test_a_statement_that_does_not_end_is_escalated(desk: Desk) -> None:
    deaf = (
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN NULL;"
        " END; END LOOP; END $$"
    )
    with waiting(desk, deaf) as pid:
        until(lambda: active(desk, pid))
        told = desk.call("cancel_query", pid=pid)
    assert told.data["verify_status"] == "escalation_required"
    assert told.data["retry_count"] == 2
    assert told.content.startswith("VERIFICATION FAILED: session")
    assert "ESCALATION REQUIRED" in told.content


def test_another_statement_than_the_one_looked_at_is_not_cancelled(desk: Desk) -> None:
    with waiting(desk, SLEEPS) as pid:
        until(lambda: active(desk, pid))
        seen = desk.inspect("cancel_query", pid=pid)
        seen.preconditions["queryStart"] = "1.5"  # type: ignore[index]
        with pytest.raises(ToolFailure, match="in another transaction or statement"):
            desk.call("cancel_query", seen=seen, pid=pid)
        assert active(desk, pid)


# --- ending ---------------------------------------------------------------------------------------


def test_ending_the_root_of_a_queue_frees_those_behind_it(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid, waiting(desk, WRITES, BOSS) as waiter:
        until(lambda: blocked(desk, waiter))
        told = desk.call("terminate_connection", pid=pid)
        assert not alive(desk, pid)
        assert not blocked(desk, waiter)
    assert told.data["verify_status"] == "ok"
    assert f"Session {pid} has ended. 1 session no longer waiting." in told.content
    assert desk.action_class("terminate_connection", pid=1) is ActionClass.DESTRUCTIVE


def test_who_still_waits_for_somebody_else_is_a_warning(desk: Desk) -> None:
    share = "LOCK TABLE told IN SHARE MODE"
    with (
        in_transaction(desk, share) as first,
        in_transaction(desk, share) as second,
        waiting(desk, "INSERT INTO told VALUES ('x')", BOSS) as waiter,
    ):
        until(lambda: blocked(desk, waiter))
        told = desk.call("terminate_connection", pid=first)
        assert blocked(desk, waiter)
    assert told.data["verify_status"] == "warning"
    assert f"now waits for {second}" in told.content


def test_a_session_that_does_not_go_is_escalated(desk: Desk) -> None:
    with waiting(desk, SLEEPS) as pid:
        until(lambda: active(desk, pid))
        os.kill(pid, signal.SIGSTOP)
        try:
            told = desk.call("terminate_connection", pid=pid)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert told.data["verify_status"] == "escalation_required"
    assert told.data["retry_count"] == 1
    assert "ESCALATION REQUIRED" in told.content


def test_a_recycled_pid_is_another_session(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid:
        seen = desk.inspect("terminate_connection", pid=pid)
        before = Inspection(preconditions={**seen.preconditions, "backendStart": "1700000000.5"})
        with pytest.raises(ToolFailure, match="is not the one that was looked at"):
            desk.call("terminate_connection", seen=before, pid=pid)
        assert alive(desk, pid)
        assert desk.probe("terminate_connection", before, pid=pid) is not None  # that one is gone


def test_a_session_in_a_new_transaction_is_asked_about_anew(desk: Desk) -> None:
    with desk.connect(OTHER) as connection:
        connection.execute("BEGIN; SELECT 1")
        pid = connection.info.backend_pid
        seen = desk.inspect("terminate_connection", pid=pid)
        connection.execute("COMMIT; BEGIN; SELECT 1")
        with pytest.raises(ToolFailure, match="in another transaction"):
            desk.call("terminate_connection", seen=seen, pid=pid)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_roles_session_without_the_right_is_told_and_stays(
    desk: Desk, tmp_path: Path, settings: Any
) -> None:
    """pg_terminate_backend raises there, it does not return false."""
    listed(desk.server, tmp_path, settings, operator="looker")
    with in_transaction(desk, WRITES) as pid:
        with pytest.raises(NeedsPerson) as failure:
            desk.call("terminate_connection", pid=pid)
        assert alive(desk, pid)
    assert str(failure.value).startswith("TERMINATION FAILED: ")
    assert "pg_signal_backend" in str(failure.value)
    assert "\nERROR — terminate_connection failed for shop" in str(failure.value)


def test_a_superusers_session_is_left_alone(desk: Desk) -> None:
    with in_transaction(desk, WRITES, BOSS) as pid:
        assert "belongs to the superuser postgres" in desk.fails("cancel_query", pid=pid)
        assert alive(desk, pid)


def test_processes_of_the_server_are_left_alone(desk: Desk) -> None:
    pid = desk.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    assert "PostgreSQL's own checkpointer" in desk.fails("terminate_connection", pid=pid)
    assert "checkpointer" in desk.call("get_session_info", pid=pid).content


def test_our_own_session_is_left_alone(desk: Desk) -> None:
    with session(find(SHOP), "terminate_connection") as db:
        own = find_session(db, int(db.value("SELECT pg_backend_pid()")))
    assert own is not None
    with pytest.raises(ToolFailure, match="the one that Aura asks with"):
        refuse_special(own)


def test_after_a_crash_it_is_seen_whether_it_was_done(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid:
        seen = desk.inspect("terminate_connection", pid=pid)
        assert desk.probe("terminate_connection", seen, pid=pid) is None
        with desk.connect() as boss:
            boss.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        found = desk.probe("terminate_connection", seen, pid=pid)
    assert found is not None
    assert "is gone" in found.content
    with pytest.raises(ToolFailure, match="not known which session"):
        desk.probe("terminate_connection", Inspection(), pid=pid)


def test_after_a_crash_a_cancelled_statement_is_seen(desk: Desk) -> None:
    with waiting(desk, SLEEPS) as pid:
        until(lambda: active(desk, pid))
        seen = desk.inspect("cancel_query", pid=pid)
        assert desk.probe("cancel_query", seen, pid=pid) is None
        with desk.connect() as boss:
            boss.execute("SELECT pg_cancel_backend(%s)", [pid])
        until(lambda: not active(desk, pid))
        assert desk.probe("cancel_query", seen, pid=pid) is not None


# --- idle ones ------------------------------------------------------------------------------------


def idle_call(desk: Desk, **arguments: Any) -> Any:
    """A call with an age that the schema refuses: nobody waits five minutes for a test."""
    tool, bound = desk.bound("terminate_idle_connections", idle_minutes=5, **arguments)
    return desk.run(tool, bound.model_copy(update={"idle_minutes": 0}))


def test_idle_sessions_are_listed_and_then_ended(desk: Desk) -> None:
    with desk.connect(OTHER) as idle, in_transaction(desk, WRITES) as busy, desk.connect() as boss:
        pid = idle.info.backend_pid
        listed_ = idle_call(desk, dry_run=True)
        assert pid in [row["pid"] for row in listed_.data["sessions"]]
        assert alive(desk, pid)
        told = idle_call(desk)
        assert not alive(desk, pid)
        assert alive(desk, busy)
        assert alive(desk, boss.info.backend_pid)
    assert pid in told.data["terminated"]
    assert told.data["verify_status"] == "ok"


def test_listing_idle_sessions_is_a_look_and_ending_them_is_not(desk: Desk) -> None:
    name = "terminate_idle_connections"
    assert desk.action_class(name, idle_minutes=5, dry_run=True) is ActionClass.READ
    assert desk.action_class(name, idle_minutes=5) is ActionClass.DESTRUCTIVE
    with pytest.raises(ValidationError):
        desk.bound(name, idle_minutes=4)
    plan = desk.inspect(name, idle_minutes=5).plan
    assert "idle for 5 minutes or longer are ended" in plan


def test_only_sessions_of_the_named_database_are_ended(desk: Desk) -> None:
    said = desk.fails("terminate_idle_connections", idle_minutes=5, database="x'; DROP TABLE told;")
    assert "means the database shop" in said
    named = desk.call("terminate_idle_connections", idle_minutes=5, database=SHOP, dry_run=True)
    assert named.data["dry_run"]


def test_idle_sessions_that_are_not_ours_to_end_are_told(
    desk: Desk, tmp_path: Path, settings: Any
) -> None:
    listed(desk.server, tmp_path, settings, operator="looker")
    with desk.connect(OTHER) as idle:
        told = idle_call(desk)
        assert alive(desk, idle.info.backend_pid)
    assert told.data["verify_status"] == "warning"
    assert "may not be ended by this role" in told.content


def test_a_database_that_is_down_is_told_and_nothing_waits(
    desk: Desk, tmp_path: Path, settings: Any
) -> None:
    down = psycopg.conninfo.make_conninfo("", host=str(tmp_path), port=1, user="x", dbname=SHOP)
    listed(desk.server, tmp_path, settings, dsn=down)
    assert "Nothing listens there" in desk.fails("terminate_connection", pid=1)
