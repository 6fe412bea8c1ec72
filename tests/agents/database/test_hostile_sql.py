"""The matrix of hostile SQL on real servers: whatever is asked, nothing changes."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest

from agents.database.connect import Limits, session
from agents.database.sqlguard import judge
from agents.database.statement import change, look
from agents.database.targets import find
from agents.runtime.tool import ToolFailure
from governance.types import ActionClass
from tests.agents.database.hostile import HOSTILE, LEGITIMATE, UNKNOWN, mutations
from tests.agents.database.repairs import READER, SHOP, Desk, everything

BRIEF = Limits(statement_s=0.5, session_s=2)
EXPLAINS = [sql for sql in HOSTILE if sql.startswith("EXPLAIN")]


@pytest.mark.parametrize("sql", LEGITIMATE)
def test_what_only_looks_is_answered(desk: Desk, sql: str) -> None:
    assert desk.action_class("run_query", query=sql) is ActionClass.READ
    assert desk.call("run_query", query=sql).data["rows"]
    assert desk.impacts == []


def test_what_is_refused_is_refused_by_the_tool_whoever_approves(desk: Desk) -> None:
    before = everything(desk)
    refused = [sql for sql, expected in HOSTILE.items() if expected == UNKNOWN] + EXPLAINS
    for sql in refused:
        assert "This is not run" in (said := desk.fails("run_query", query=sql)) or sql in EXPLAINS
        assert said
    assert everything(desk) == before


def test_what_changes_something_stays_undone_until_it_is_permitted(desk: Desk) -> None:
    """Inspecting changes nothing, and neither does a change that passes the limit."""
    before = everything(desk)
    desk.limit = -1
    for sql, expected in HOSTILE.items():
        if expected != UNKNOWN and sql not in EXPLAINS:
            try:
                desk.inspect("run_query", query=sql)
            except ToolFailure:
                continue  # that server or role cannot plan it at all
            desk.fails("run_query", query=sql)
    sequence = everything(desk)
    assert sequence | {"sequence": 0} == before | {"sequence": 0}  # no rollback gives a number back


def test_neither_explain_query_nor_its_flags_run_anything(desk: Desk) -> None:
    before = everything(desk)
    for sql in HOSTILE:
        for dml, analyze in ((False, False), (True, False), (True, True)):
            try:
                desk.call("explain_query", query=sql, allow_dml=dml, analyze=analyze)
            except ToolFailure:
                continue
            assert not analyze
    assert everything(desk) == before


def test_without_the_judge_the_reading_session_still_changes_nothing(desk: Desk) -> None:
    """What stands behind the judge: a READ ONLY transaction and a role without rights."""
    before = everything(desk)
    with desk.connect() as victim:
        for sql in HOSTILE:
            with suppress(ToolFailure):
                run_unjudged(sql)
        assert victim.execute("SELECT 1").fetchone() == (1,)
    assert everything(desk) == before
    assert desk.value("SELECT rolsuper FROM pg_roles WHERE rolname = %s", READER) is False


def run_unjudged(sql: str) -> None:
    with session(find(SHOP), "run_query", limits=BRIEF, reuse=False) as db:
        db.connection.execute(sql.encode())


def test_the_server_refuses_several_statements_whatever_the_judge_says(desk: Desk) -> None:
    several = pytest.raises(ToolFailure, match="multiple commands")
    with several, session(find(SHOP), "run_query", reuse=False) as db:
        look(db, "SELECT 1; SELECT 2", most=5)
    with several, session(find(SHOP), "run_query", mode="write", reuse=False) as db:
        change(db, "DELETE FROM told; DELETE FROM told", most=5, returns=False)


def test_strings_end_where_the_judge_saw_them_end(desk: Desk) -> None:
    """With backslashes as escapes, as a role may be set, the text behind would be code."""
    hidden = r"SELECT '\'', lo_create(4711), '--'"
    assert desk.action_class("run_query", query=hidden) is ActionClass.READ
    with desk.connect() as boss:
        boss.execute(f"ALTER ROLE {READER} SET standard_conforming_strings = off")
        try:
            [[answer]] = desk.call("run_query", query=hidden).data["rows"]
        finally:
            boss.execute(f"ALTER ROLE {READER} RESET standard_conforming_strings")
    assert answer == r"\', lo_create(4711), "


def test_a_function_of_somebody_elses_under_a_known_name_is_not_called(desk: Desk) -> None:
    with desk.connect() as boss:
        boss.execute(
            "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_notify('x', 'y'); RETURN 'mine'; END $$"
        )
        try:
            said = desk.fails("run_query", query="SELECT lower(owner) FROM accounts")
            explained = desk.fails("explain_query", query="SELECT lower(owner) FROM accounts")
            named = "SELECT pg_catalog.lower(owner) FROM accounts WHERE id = 1"
            rows = desk.call("run_query", query=named).data["rows"]
        finally:
            boss.execute("DROP FUNCTION lower(varchar)")
    assert "function public.lower" in said
    assert "function public.lower" in explained
    assert rows == [["owner 1"]]


def test_a_function_that_looks_like_a_column_is_not_called(desk: Desk) -> None:
    with desk.connect() as boss:
        boss.execute(
            "CREATE FUNCTION worth(accounts) RETURNS int LANGUAGE plpgsql AS"
            " $$ BEGIN DELETE FROM told; RETURN 1; END $$"
        )
        try:
            said = desk.fails("run_query", query="SELECT a.worth FROM accounts a")
        finally:
            boss.execute("DROP FUNCTION worth(accounts)")
    assert "function public.worth" in said


def test_a_search_path_that_puts_others_first_is_seen(desk: Desk) -> None:
    with desk.connect() as boss:
        boss.execute(f"ALTER ROLE {READER} SET search_path = public, pg_catalog")
        try:
            said = desk.fails("run_query", query="SELECT id FROM accounts")
        finally:
            boss.execute(f"ALTER ROLE {READER} RESET search_path")
    assert "comes before pg_catalog" in said


def test_what_a_view_hides_changes_nothing_when_it_is_read_or_planned(desk: Desk) -> None:
    """The planner runs what calls itself immutable, and no text of ours shows it."""
    with desk.connect() as boss:
        boss.execute(
            "CREATE FUNCTION inner_one() RETURNS int LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO told VALUES ('x'); RETURN 1; END $$;"
            "CREATE FUNCTION planted() RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN PERFORM inner_one(); RETURN 1; END $$;"
            "CREATE VIEW hiding AS SELECT planted() AS id;"
            "GRANT ALL ON hiding TO looker, operator"
        )
        try:
            looked = desk.fails("run_query", query="SELECT * FROM hiding")
            planned = desk.fails("explain_query", query="SELECT * FROM hiding")
            sql = "DELETE FROM accounts WHERE id IN (SELECT id FROM hiding)"
            with pytest.raises(ToolFailure, match="read-only transaction"):
                desk.inspect("run_query", query=sql)
        finally:
            boss.execute("DROP VIEW hiding; DROP FUNCTION planted(); DROP FUNCTION inner_one()")
    assert "this is a read-only transaction" in looked
    assert "this is a read-only transaction" in planned
    assert desk.value("SELECT count(*) FROM told") == 0


def test_what_is_judged_to_read_changes_nothing_even_for_a_superuser(desk: Desk) -> None:
    """The judge alone, with nothing behind it."""
    before, ran = everything(desk), 0
    reads = [sql for sql in mutations(20261122, 3000) if judge(sql).action_class == "read"]
    with desk.connect() as boss:
        boss.execute("SET statement_timeout = 300")
        for sql in reads:
            with suppress(psycopg.Error):
                boss.execute(sql.encode())
                ran += 1
    assert ran > 50
    assert everything(desk) == before
