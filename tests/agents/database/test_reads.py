"""What the tools that look report, of real servers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from agents.database.idle import idle
from agents.runtime.tool import NeedsPerson, TransientFailure
from tests.agents.database.looking import LOOKS, fails, look, register, sessions, tool
from tests.agents.database.repairs import OTHER, SHOP, Desk, waiting
from tests.agents.database.servers import until

pytestmark = pytest.mark.django_db
SECRET = "hunter2-and-more"
OWN = ("get_baseline", "get_saved_snapshots")


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    idle.clear()


@pytest.fixture
def boss(desk: Desk, settings: Any, tmp_path: Any) -> Desk:
    """The inventory lists the database with the superuser, for what needs one."""
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("postgres", SHOP)})
    return desk


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_answers_in_words_and_data(desk: Desk, name):
    result = look(name)
    assert result.content.strip()
    assert result.data


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_needs_no_more_than_a_login(desk: Desk, settings, tmp_path, name):
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("bystander", SHOP)})
    assert look(name).data


HOSTILE = ("%x'; DELETE FROM accounts; --", "a\\'b\"c;$1%s%(x)s", "\x01x\n'", "%")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_argument_is_ever_run(desk: Desk, text, settings, tmp_path):
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("postgres", SHOP)})
    for name in LOOKS:
        fields = tool(name).parameters.model_fields
        said = {key: text for key, field in fields.items() if field.annotation is str}
        place = ("connection_string", "host", "dbname", "user")
        look(name, **{key: value for key, value in said.items() if key not in place})
        for key in place:
            refused = fails(name, **{key: text})
            assert not isinstance(refused, TransientFailure)
    assert desk.value("SELECT count(*) FROM accounts") == 20


def test_a_connection_is_described(desk: Desk):
    result = look("check_connection")
    assert result.content.startswith(
        "Connection successful: shop as looker on a Unix socket, a primary"
    )
    assert result.data["standby"] is False
    assert "PostgreSQL" in result.data["version"]


def test_the_server_is_described(desk: Desk):
    data = look("get_server_info").data
    assert data["role"] == "primary"
    assert data["max_connections"] == 40
    assert data["data_directory"] == str(desk.server.data)
    assert data["version_number"] // 10000 in (15, 18)


def test_databases_are_told_with_their_size_and_counters(desk: Desk):
    named = {row["name"]: row for row in look("get_database_info").data["databases"]}
    assert named["shop"]["bytes"] > 1_000_000
    assert named["shop"]["encoding"] == "UTF8"
    counted = {row["database"]: row for row in look("get_database_stats").data["databases"]}
    assert counted["shop"]["commits"] > 0


def test_a_size_that_the_role_may_not_see_is_left_open(desk: Desk, settings, tmp_path):
    with psycopg.connect(desk.server.dsn(), autocommit=True) as boss:
        boss.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("bystander", SHOP)})
    try:
        named = {row["name"]: row for row in look("get_database_info").data["databases"]}
        assert named["postgres"]["bytes"] is None
    finally:
        with psycopg.connect(desk.server.dsn(), autocommit=True) as boss:
            boss.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


def test_sessions_are_listed_and_passwords_in_their_queries_are_not(desk: Desk):
    secret = f"SELECT 1 /* ALTER ROLE x PASSWORD '{SECRET}' postgresql://u:{SECRET}@h/d */"
    with sessions(desk.server.dsn(OTHER, SHOP), 2) as (busy, idling):
        busy.execute(secret)
        idling.execute("BEGIN")
        idling.execute("SELECT 2")
        result = look("get_active_connections")
        found = {row["pid"]: row for row in result.data["sessions"]}
        assert found[busy.info.backend_pid]["user"] == OTHER
        assert found[idling.info.backend_pid]["state"] == "idle in transaction"
        assert found[idling.info.backend_pid]["transaction_s"] >= 0
        assert "[redacted:" in found[busy.info.backend_pid]["query"]
        assert SECRET not in f"{result.content}{result.data}"
        stats = look("get_connection_stats").data
        mine = next(row for row in stats["databases"] if row["database"] == SHOP)
        assert mine["idle_in_transaction"] == 1


def test_only_active_sessions_are_listed_when_asked_to(desk: Desk):
    with sessions(desk.server.dsn(OTHER, SHOP), 1), waiting(desk, "SELECT pg_sleep(60)") as pid:
        until(lambda: listed(pid))
        found = look("get_active_connections", active_only=True).data["sessions"]
        assert [row["pid"] for row in found] == [pid]
        assert any(row["event"] == "PgSleep" for row in look("get_wait_events").data["wait_events"])


def listed(pid: int) -> bool:
    found = look("get_active_connections", active_only=True).data["sessions"]
    return any(row["pid"] == pid and row["wait_event"] == "PgSleep" for row in found)


def test_a_role_that_sees_little_says_so(desk: Desk, settings, tmp_path):
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("bystander", SHOP)})
    assert "lacks pg_read_all_stats" in look("get_active_connections").content


def test_without_locks_nobody_blocks(desk: Desk):
    assert look("get_lock_info").content == "No blocking locks found."
    assert look("get_blocking_queries").data == {"chains": [], "blocked": 0}


def test_a_chain_of_blocked_sessions_has_one_root(desk: Desk):
    row = "UPDATE accounts SET balance = 0 WHERE id = 1"
    with holding(desk, row) as root, waiting(desk, row, "operator") as first:
        until(lambda: look("get_lock_info").data["count"] == 1)
        with waiting(desk, row, "operator") as second:
            until(lambda: look("get_blocking_queries").data["blocked"] == 2)
            result = look("get_blocking_queries")
            (chain,) = result.data["chains"]
            assert chain["root"]["pid"] == root
            assert chain["root"]["state"] == "idle in transaction"
            assert {row["pid"] for row in chain["blocked"]} == {first, second}
            assert result.content.startswith("2 sessions are blocked, in 1 chain.")
            assert f"Root: pid {root} (someone, idle in transaction for" in result.content
            pairs = look("get_lock_info").data["blocked"]
            assert {pair["blocked_pid"] for pair in pairs} == {first, second}
            assert look("get_status_summary").data["blocked"] == 2


def test_a_table_that_is_locked_is_no_reason_to_wait(desk: Desk):
    with holding(desk, "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE", "postgres"):
        result = look("get_table_stats")
        found = {row["table"]: row for row in result.data["tables"]}
        assert found["accounts"]["locked"] is True
        assert found["entries"]["total_bytes"] > 0
        assert "Locked by somebody (ACCESS EXCLUSIVE), so estimated: accounts." in result.content
        assert "estimated" in look("get_disk_usage", top_n=100).content
        look("get_vacuum_status")
        look("get_baseline")


@contextmanager
def holding(desk: Desk, sql: str, user: str = "someone") -> Iterator[int]:
    """A session that has done `sql` in a transaction and sits on it; its pid."""
    with desk.connect("postgres") as connection:
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO someone")
    with sessions(desk.server.dsn(user, SHOP), 1) as (one,):
        one.execute("BEGIN")
        one.execute(sql)
        yield one.info.backend_pid
        with suppress(psycopg.Error):
            one.execute("ROLLBACK")


def test_tables_are_told_of_by_schema_and_name(desk: Desk):
    found = look("get_table_stats", table_name="accounts").data["tables"]
    assert [row["table"] for row in found] == ["accounts"]
    nothing = look("get_table_stats", schema_name="nowhere", table_name="x")
    assert nothing.content.startswith("There is no table 'x' in schema 'nowhere'.")
    assert "public" in nothing.content


def test_dead_rows_and_what_keeps_them_are_told(desk: Desk):
    with sessions(desk.server.dsn("postgres", SHOP), 2) as (worker, holder):
        worker.execute("CREATE TABLE spoilt AS SELECT n FROM generate_series(1, 500) n")
        worker.execute("DELETE FROM spoilt WHERE n <= 400")
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        worker.execute("SELECT pg_stat_force_next_flush()")
        try:
            until(lambda: spoilt(min_dead_ratio=50))
            data = look("get_vacuum_status", min_dead_ratio=50).data
            assert spoilt(min_dead_ratio=50)["dead_rows"] == 400
            assert spoilt(min_dead_ratio=50)["autovacuum_due"] is True
            assert not spoilt(min_dead_ratio=90)
            pids = [row["name"] for row in data["holders"] if row["what"] == "session"]
            assert str(holder.info.backend_pid) in pids
        finally:
            worker.execute("DROP TABLE spoilt")


def spoilt(**arguments: Any) -> dict[str, Any]:
    found = look("get_vacuum_status", **arguments).data["tables"]
    return next((row for row in found if row["table"] == "spoilt"), {})


def test_what_takes_disk_is_told(desk: Desk):
    data = look("get_disk_usage", top_n=3).data
    assert data["wal"]["bytes"] > 0
    assert len(data["largest"]) == 3
    assert data["largest"][0]["bytes"] >= data["largest"][2]["bytes"]


def test_settings_are_found_by_a_part_of_their_name_that_means_itself(desk: Desk):
    names = [
        row["name"]
        for row in look("get_config_parameter", parameter_name="work_mem").data["parameters"]
    ]
    assert "work_mem" in names
    assert "maintenance_work_mem" in names
    assert look("get_config_parameter", parameter_name="w%m").data["count"] == 0
    assert look("get_config_parameter").data["count"] == 15


def test_our_own_limits_are_not_taken_for_the_servers(desk: Desk):
    found = look("get_config_parameter", parameter_name="_timeout").data["parameters"]
    told = {row["name"]: row["setting"] for row in found}
    assert told["statement_timeout"] == "0"
    assert told["lock_timeout"] == "0"
    changed = look("get_pg_settings").data["settings"]
    assert "default_transaction_read_only" not in {row["name"] for row in changed}
    assert "max_connections" in {row["name"] for row in changed}


def test_settings_can_be_had_by_category(desk: Desk):
    found = look("get_pg_settings", category="autovacuum", show_all=True).data["settings"]
    assert found
    assert {"autovacuum" in f"{row['name']} {row['category']}".lower() for row in found} == {True}
    assert "Categories are:" in look("get_pg_settings", category="zzz", show_all=True).content


def test_slow_statements_are_told_where_they_are_counted(boss: Desk):
    friendly = look("get_slow_queries")
    assert friendly.data["installed"] is False
    assert "CREATE EXTENSION" in friendly.content
    if not boss.value("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
        pytest.skip("this PostgreSQL comes without the extension")
    with boss.connect() as connection:
        connection.execute('CREATE SCHEMA "odd\'name"')
        connection.execute('CREATE EXTENSION pg_stat_statements SCHEMA "odd\'name"')
        try:
            connection.execute("""SELECT "odd'name".pg_stat_statements_reset()""")
            connection.execute("SELECT count(*) FROM accounts, entries")
            found = look("get_slow_queries", limit=100).data["queries"]
            assert any("accounts, entries" in row["query"] for row in found)
            assert look("get_slow_queries", limit=1).data["queries"][0]["calls"] >= 1
        finally:
            connection.execute('DROP SCHEMA "odd\'name" CASCADE')


def test_checkpoints_have_one_shape_whatever_the_version(boss: Desk):
    with boss.connect() as connection:
        before = look("get_bgwriter_stats").data["checkpoints"]
        connection.execute("CREATE TABLE checkpointed ()")
        connection.execute("DROP TABLE checkpointed")
        connection.execute("CHECKPOINT")
        until(
            lambda: (
                look("get_bgwriter_stats").data["checkpoints"]["requested"] > before["requested"]
            )
        )
    data = look("get_bgwriter_stats").data
    assert set(data["buffers_written"]) == {"checkpointer", "background_writer", "backends"}
    assert all(isinstance(value, int) for value in data["buffers_written"].values())


def test_a_log_that_cannot_be_read_says_where_to_look(desk: Desk):
    result = look("read_pg_log")
    assert result.data == {"readable": False}
    assert "logging_collector is off" in result.content


def test_a_function_of_somebody_elses_is_not_called_instead(desk: Desk, settings, tmp_path):
    with psycopg.connect(desk.server.dsn("postgres", SHOP), autocommit=True) as boss:
        boss.execute("CREATE ROLE led_astray LOGIN IN ROLE pg_monitor")
        boss.execute("CREATE SCHEMA trap")
        boss.execute("GRANT USAGE ON SCHEMA trap TO PUBLIC")
        boss.execute("ALTER ROLE led_astray SET search_path = trap, pg_catalog")
        for name in ("pg_is_in_recovery", "version", "clock_timestamp"):
            boss.execute(
                f"CREATE FUNCTION trap.{name}() RETURNS text LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'trapped'; END $$"
            )
    register(settings, tmp_path, shop={"connection_string": desk.server.dsn("led_astray", SHOP)})
    try:
        for name in LOOKS:
            look(name)
    finally:
        idle.clear()
        with psycopg.connect(desk.server.dsn("postgres", SHOP), autocommit=True) as boss:
            boss.execute("DROP SCHEMA trap CASCADE")
            boss.execute("DROP ROLE led_astray")


def test_a_server_that_is_down_is_told_in_words(settings, tmp_path):
    register(settings, tmp_path, gone={"connection_string": "host=127.0.0.1 port=1 dbname=x"})
    for name in set(LOOKS) - {"get_saved_snapshots", "triage_database"}:
        failure = fails(name)
        assert str(failure).startswith("Nothing listens there")
        assert f"\nERROR — {name} failed for gone (127.0.0.1:1/x)" in str(failure)


def test_looks_beside_each_other_do_not_mix(desk: Desk):
    results: dict[str, Any] = {}

    def one(number: int) -> None:
        parameter = ("work_mem", "max_connections", "autovacuum_naptime")[number % 3]
        found = look("get_config_parameter", parameter_name=parameter).data["parameters"]
        results[str(number)] = parameter in {row["name"] for row in found}

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(results.values()) == [True] * 12


def test_a_baseline_is_kept_and_compared_with(boss: Desk):
    first = look("get_baseline")
    assert first.content.startswith("This is the first baseline of shop")
    with boss.connect() as connection:
        connection.execute("CREATE TABLE newcomer AS SELECT generate_series(1, 1000) AS n")
        connection.execute("ANALYZE newcomer")
        try:
            found = look("get_baseline").data["differences"]
            assert ("table bytes", "public.newcomer") in {
                (row["what"], row["name"]) for row in found
            }
            assert look("get_saved_snapshots").data["count"] == 1
            look("get_baseline", save=True)
            assert look("get_saved_snapshots").data["count"] == 2
            again = look("get_baseline").data["differences"]
            assert not [row for row in again if row["what"] == "table bytes"]
        finally:
            connection.execute("DROP TABLE newcomer")


def test_a_password_in_a_setting_is_in_no_baseline(boss: Desk):
    with boss.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET primary_conninfo = 'host=x password={SECRET}'")
        connection.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: "primary_conninfo" in str(look("get_pg_settings").data))
            for name in ("get_pg_settings", "get_config_parameter", "get_baseline"):
                arguments = {"parameter_name": "conninfo"} if name == "get_config_parameter" else {}
                result = look(name, **arguments)
                assert "primary_conninfo" in str(result.data)
                assert SECRET not in f"{result.content}{result.data}"
        finally:
            connection.execute("ALTER SYSTEM RESET primary_conninfo")
            connection.execute("SELECT pg_reload_conf()")


def test_a_missing_right_is_told_as_such(boss: Desk, settings, tmp_path):
    register(settings, tmp_path, shop={"connection_string": boss.server.dsn("bystander", SHOP)})
    with boss.connect() as connection:
        connection.execute("REVOKE SELECT ON pg_stat_database FROM PUBLIC")
        try:
            refused = fails("get_database_stats")
        finally:
            connection.execute("GRANT SELECT ON pg_stat_database TO PUBLIC")
    assert isinstance(refused, NeedsPerson)
    assert str(refused).startswith("The role that Aura logs in as may not do that")
