"""run_query and explain_query on real servers: what is answered, counted, rolled back, refused."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from agents.database import connect
from agents.runtime.tool import ToolFailure
from governance.types import ActionClass, Impact
from tests.agents.database.repairs import Desk, everything

HOSTILE_VALUES = ["'; DROP TABLE accounts; --", "1) OR (1=1", "\\'; --", '"', "%s", "$1", "é\u202e"]


@pytest.fixture(autouse=True)
def as_before(desk: Desk) -> Any:
    """Tests that commit take it back."""
    yield
    with desk.connect() as boss:
        boss.execute("TRUNCATE accounts, entries, told")
        boss.execute(
            "INSERT INTO accounts SELECT n, 'owner ' || n, n * 10 FROM generate_series(1, 20) n;"
            "INSERT INTO entries SELECT 1 + n % 20, 'note' FROM generate_series(1, 60) n;"
            "ANALYZE accounts, entries"
        )


# --- reading --------------------------------------------------------------------------------------


def test_rows_come_as_json_and_as_a_table(desk: Desk) -> None:
    sql = (
        "SELECT 1 AS n, 2.50 AS price, true AS yes, NULL AS nothing, 'infinity'::float8 AS much,"
        " 'infinity'::timestamptz AS ever, '{\"a\": [1]}'::jsonb AS j, ARRAY[1, 2] AS list,"
        " '\\x00ff'::bytea AS raw, '0055-01-01 BC'::date AS old, 'x' AS n"
    )
    told = desk.call("run_query", query=sql)
    assert told.data["columns"][:2] == ["n", "price"]
    [row] = told.data["rows"]
    assert row == [
        *(1, "2.50", True, None, "inf", "infinity", '{"a": [1]}', "{1,2}"),
        *("\\x00ff", "0055-01-01 BC", "x"),
    ]
    json.dumps(dict(told.data), allow_nan=False)
    assert told.content.startswith("1 row.")


def test_values_are_bound_and_never_spliced(desk: Desk) -> None:
    before = everything(desk)
    for value in HOSTILE_VALUES:
        [[told]] = desk.call("run_query", query="SELECT $1::text", params=[value]).data["rows"]
        assert told == value
        found = desk.call(
            "run_query", query="SELECT * FROM accounts WHERE owner = $1", params=[value]
        )
        assert found.data["rows"] == []
    assert everything(desk) == before


def test_a_result_is_cut_at_its_rows_and_its_bytes(desk: Desk) -> None:
    told = desk.call("run_query", query="SELECT generate_series(1, 100000)", max_rows=7)
    assert told.data["row_count"] == 7
    assert told.data["truncated"]
    assert "there are more" in told.content
    wide = desk.call("run_query", query="SELECT repeat('x', 100000) FROM generate_series(1, 900)")
    assert len(json.dumps(dict(wide.data))) < 3_000_000
    assert "(100000 characters)" in wide.data["rows"][0][0]
    assert wide.data["truncated"]


def test_a_percent_sign_is_a_percent_sign(desk: Desk) -> None:
    sql = "SELECT count(*) FROM accounts WHERE owner LIKE '%1%' AND 7 % 2 = 1"
    assert desk.call("run_query", query=sql).data["rows"] == [[11]]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"query": ""}, "query"),
        ({"query": "SELECT 1", "max_rows": 100_000}, "max_rows"),
        ({"query": "SELECT 1", "params": [{"a": 1}]}, "params"),
        ({"query": "SELECT 1", "timeout": 5}, "timeout"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    desk: Desk, arguments: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ValidationError, match=wrong):
        desk.bound("run_query", **arguments)


@pytest.mark.parametrize(
    ("query", "params", "said"),
    [
        ("SELECT * FROM nowhere", [], "There is no such table"),
        ("SELECT nothing FROM accounts", [], "There is no such column"),
        ("SELECT $1::int", ["x"], "invalid input syntax"),
        ("SELECT $1, $2", ["x"], "bind message supplies 1 parameters"),
        ("SELECT 1", ["x"], ""),
        ("SELECT 1/0", [], "division by zero"),
    ],
)
def test_what_the_server_refuses_is_told(
    desk: Desk, query: str, params: list[str], said: str
) -> None:
    failure = desk.fails("run_query", query=query, params=params)
    assert said in failure
    assert "ERROR — run_query failed for shop" in failure


# --- changing -------------------------------------------------------------------------------------


def test_a_change_is_counted_judged_and_committed(desk: Desk) -> None:
    told = desk.call(
        "run_query", query="UPDATE accounts SET balance = 0 WHERE id <= $1", params=[3]
    )
    assert desk.impacts == [Impact(rows=3)]
    assert told.data["rows_affected"] == 3
    assert told.content == "UPDATE: 3 rows changed, committed."
    assert desk.value("SELECT count(*) FROM accounts WHERE balance = 0") == 3


def test_a_change_that_passes_the_limit_is_rolled_back(desk: Desk) -> None:
    desk.limit = 5
    said = desk.fails("run_query", query="UPDATE accounts SET balance = 0 WHERE id > 0")
    assert "20 rows, limit is 5" in said
    assert desk.value("SELECT count(*) FROM accounts WHERE balance = 0") == 0


def test_rows_that_go_by_cascade_trigger_or_cte_are_counted_too(desk: Desk) -> None:
    desk.limit = 3
    one = "DELETE FROM accounts WHERE id = 2"
    assert "4 rows" in desk.fails("run_query", query=one)  # and its three entries
    hidden = (
        "WITH gone AS (DELETE FROM entries WHERE account < 9 RETURNING 1) SELECT count(*) FROM gone"
    )
    assert "24 rows" in desk.fails("run_query", query=hidden)
    with desk.connect() as boss:
        boss.execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO told SELECT 'x' FROM generate_series(1, 9); RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON accounts DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION tell()"
        )
        try:
            said = desk.fails("run_query", query="UPDATE accounts SET balance = 1 WHERE id = 1")
        finally:
            boss.execute("DROP TRIGGER late ON accounts; DROP FUNCTION tell()")
    assert "10 rows" in said
    assert desk.value("SELECT count(*) FROM told") == 0


def test_what_a_function_of_somebody_elses_changes_is_counted(desk: Desk) -> None:
    desk.limit = 3
    said = desk.fails("run_query", query="SELECT harmless_looking()")
    assert "80 rows" in said
    assert desk.value("SELECT count(*) FROM accounts") == 20


def test_rows_that_are_returned_are_shown_and_all_are_changed(desk: Desk) -> None:
    sql = "DELETE FROM entries WHERE account < 5 RETURNING account, note"
    told = desk.call("run_query", query=sql, max_rows=2)
    assert told.data["row_count"] == 2
    assert told.data["truncated"]
    assert told.data["rows_affected"] == 12
    assert desk.value("SELECT count(*) FROM entries") == 48


def test_an_emptied_table_counts_with_all_its_rows(desk: Desk) -> None:
    desk.limit = 30
    for sql in ("TRUNCATE entries", "DROP TABLE entries"):
        assert "60 rows" in desk.fails("run_query", query=sql)
        assert desk.inspect("run_query", query=sql).impact == Impact(rows=60)
    assert desk.value("SELECT count(*) FROM entries") == 60


def test_the_page_for_approval_tells_what_postgresql_expects(desk: Desk) -> None:
    """The node on top says 0 rows from PostgreSQL 14 on; what is below it counts."""
    seen = desk.inspect("run_query", query="DELETE FROM accounts WHERE id > $1", params=[10])
    assert seen.impact.rows is not None
    assert 1 <= seen.impact.rows <= 20
    assert "Delete on accounts" in seen.plan
    assert f"expected to change: about {seen.impact.rows}" in seen.plan
    assert desk.value("SELECT count(*) FROM accounts") == 20


def test_what_cannot_be_foreseen_says_so(desk: Desk) -> None:
    seen = desk.inspect("run_query", query="UPDATE accounts SET balance = harmless_looking()")
    assert seen.impact == Impact()
    assert "cannot say beforehand" in seen.plan
    assert "every row" in seen.plan


def test_a_change_that_cannot_be_planned_is_refused_before_anybody_is_asked(desk: Desk) -> None:
    with pytest.raises(ToolFailure, match="There is no such table"):
        desk.inspect("run_query", query="DELETE FROM nowhere WHERE id = 1")


def test_a_password_in_a_change_is_not_on_the_page(desk: Desk) -> None:
    sql = "UPDATE accounts SET owner = 'password=hunter-2-x' WHERE id = 1"
    assert "hunter-2-x" not in desk.inspect("run_query", query=sql).plan


def test_a_refused_statement_is_refused_before_it_is_classified(desk: Desk) -> None:
    assert desk.action_class("run_query", query="DROP TABLE x") is ActionClass.DESTRUCTIVE
    assert "exactly one statement" in desk.fails("run_query", query="SELECT 1; SELECT 2")
    assert "would do it" in desk.fails("run_query", query="EXPLAIN ANALYZE DELETE FROM accounts")


class Broken(psycopg.OperationalError):
    """What the driver raises when the line is cut."""


@pytest.mark.parametrize("committed", [True, False])
def test_a_line_that_breaks_over_the_commit_is_looked_into(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    honest = connect.Session.execute

    def breaking(self: Any, sql: Any, parameters: Any = ()) -> None:
        if sql != "COMMIT":
            honest(self, sql, parameters)
            return
        if committed:
            honest(self, sql)
        self.connection.close()
        raise Broken("server closed the connection unexpectedly")

    monkeypatch.setattr(connect.Session, "execute", breaking)
    sql = "UPDATE accounts SET balance = 0 WHERE id = 1"
    if committed:
        assert desk.call("run_query", query=sql).data["committed"]
    else:
        assert "nothing was changed" in desk.fails("run_query", query=sql)
    assert desk.value("SELECT balance FROM accounts WHERE id = 1") == (0 if committed else 10)


# --- explaining -----------------------------------------------------------------------------------


def test_a_plan_is_shown_and_measured_on_demand(desk: Desk) -> None:
    sql = "SELECT * FROM accounts WHERE owner = $1"
    told = desk.call("explain_query", query=sql, params=["x"])
    assert "Seq Scan on accounts" in told.data["plan"]
    assert "actual time" not in told.data["plan"]
    measured = desk.call("explain_query", query=sql, params=["x"], analyze=True)
    assert "actual time" in measured.data["plan"]


def test_changes_are_planned_on_demand_and_never_run(desk: Desk) -> None:
    sql = "DELETE FROM accounts"
    assert "set allow_dml" in desk.fails("explain_query", query=sql)
    said = desk.fails("explain_query", query=sql, allow_dml=True, analyze=True)
    assert "not proven to only read" in said
    assert "Give the statement itself" in desk.fails("explain_query", query="EXPLAIN SELECT 1")
    assert desk.value("SELECT count(*) FROM accounts") == 20
