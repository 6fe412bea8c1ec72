"""The judge of SQL, which runs nothing: `test_hostile_sql.py` shows that servers agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import parser

from agents.database.sqlguard import LONGEST, judge
from governance.types import ActionClass
from tests.agents.database.hostile import HOSTILE, LEGITIMATE


@pytest.mark.parametrize("sql", LEGITIMATE)
def test_what_only_looks_is_read(sql: str) -> None:
    verdict = judge(sql)
    assert (verdict.action_class, verdict.reasons) == (ActionClass.READ, ())


@pytest.mark.parametrize(("sql", "expected"), HOSTILE.items())
def test_what_does_more_is_never_read(sql: str, expected: str) -> None:
    verdict = judge(sql)
    assert verdict.action_class == expected
    assert verdict.reasons


@pytest.mark.parametrize(
    "sql",
    [
        (
            "SELECT DISTINCT ON (a) a, (b).c, x[1:2], count(*) FILTER (WHERE a > 1) OVER w FROM t"
            " LEFT JOIN LATERAL unnest(ARRAY[1,2]) WITH ORDINALITY u(v, n) ON true"
            " WHERE a IN (SELECT 1) AND b BETWEEN 1 AND 2 AND c LIKE '%x%' WINDOW w AS (ORDER BY a)"
        ),
        (
            "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 9)"
            " SELECT CASE WHEN n = 1 THEN 'one' ELSE n::text END, extract(epoch FROM now()) FROM t"
        ),
        "SELECT j ->> 'a', j #> '{b}', CAST(x AS numeric(9, 2))::int8[], interval '1 day' FROM t",
        "SELECT * FROM pg_stat_activity WHERE query_start < now() - interval '5 min'",
        "SELECT * FROM accounts WHERE id = $1",
        "TABLE accounts",
        "VALUES (1, 'a')",
        "EXPLAIN DELETE FROM accounts",
        "EXPLAIN (ANALYZE off) UPDATE accounts SET balance = 1",
        "SELECT * FROM t TABLESAMPLE system (1)",
        "SELECT ROW(1, 2), GROUPING(a), coalesce(a, b), nullif(a, b) FROM t GROUP BY CUBE (a, b)",
        "SELECT a FROM t -- ; DROP TABLE t",
        "SELECT ';' || $$; DROP TABLE t$$",
    ],
)
def test_plain_looks_of_every_shape_are_read(sql: str) -> None:
    verdict = judge(sql)
    assert verdict.action_class is ActionClass.READ, verdict.why


@pytest.mark.parametrize(
    ("sql", "because"),
    [
        ("SELECT a OPERATOR(evil.+) b FROM t", "operator +"),
        ("SELECT a === b FROM t", "operator ==="),
        ("SELECT * FROM t ORDER BY a USING OPERATOR(evil.<)", "operator <"),
        ("SELECT 'x'::evil", "type evil"),
        ("SELECT x::public.text FROM t", "type public.text"),
        ("SELECT * FROM t TABLESAMPLE evil (1)", "evil"),
        ("SELECT elsewhere.pg_catalog.lower('x')", "lower()"),
        ("SELECT JSON_OBJECT('a': 1)", "JSON OBJECT CONSTRUCTOR"),
        ("SELECT * FROM t FOR SHARE", "LOCKING"),
        ("SELECT xmlelement(name a)", "XML EXPR"),
    ],
)
def test_names_and_grammar_that_are_not_known_make_it_a_write(sql: str, because: str) -> None:
    verdict = judge(sql)
    assert verdict.action_class is ActionClass.WRITE
    assert because in verdict.why


@pytest.mark.parametrize(
    "sql",
    ["", ";", "-- nothing", "SELEC 1", "SELECT '", "SELECT 1" + " " * LONGEST, "SELECT '\ud800'"],
)
def test_what_is_no_statement_is_refused_with_a_reason(sql: str) -> None:
    verdict = judge(sql)
    assert verdict.action_class is ActionClass.UNKNOWN
    assert verdict.why


def test_a_refusal_names_the_tool_that_does_it() -> None:
    assert "terminate_connection" in judge("SELECT pg_terminate_backend(1)").why
    assert "run_vacuum" in judge("VACUUM FULL accounts").why
    assert "drop_replication_slot" in judge("SELECT pg_drop_replication_slot('x')").why


def test_the_worst_part_of_a_statement_counts_wherever_it_stands() -> None:
    nested = "SELECT (SELECT 1 FROM (SELECT lower(coalesce(a, pg_read_file('/x'))) FROM t) s)"
    assert judge(nested).action_class is ActionClass.UNKNOWN
    assert judge("CREATE VIEW v AS SELECT pg_sleep(1)").action_class is ActionClass.UNKNOWN
    made = "CREATE TABLE t (a int DEFAULT pg_advisory_lock(1))"
    assert judge(made).action_class is ActionClass.UNKNOWN
    assert judge("CREATE SCHEMA s GRANT ALL ON t TO x").action_class is ActionClass.UNKNOWN


def test_it_says_which_names_might_be_somebody_elses() -> None:
    verdict = judge("SELECT lower(t.owner), pg_catalog.upper('x') FROM t WHERE t.id + 1 IN (2)")
    assert verdict.names.functions == {"lower"}
    assert verdict.names.operators == {"+", "="}
    assert verdict.names.attributes == {"owner", "id"}


def test_it_names_what_truncate_and_drop_take() -> None:
    assert judge('TRUNCATE a, s."B""c"').relations == (("a",), ("s", 'B"c'))
    assert judge("DROP TABLE IF EXISTS s.t").relations == (("s", "t"),)
    assert judge("DROP VIEW v").relations == ()


def test_a_condition_that_looks_at_no_column_is_none() -> None:
    assert judge("DELETE FROM t WHERE 1 = 1").action_class is ActionClass.DESTRUCTIVE
    assert judge("UPDATE t SET a = 1 WHERE now() > '2020-01-01'").action_class == "destructive"
    assert judge("DELETE FROM t WHERE t.a = 1").action_class is ActionClass.WRITE


def test_what_calls_something_unknown_is_not_even_planned() -> None:
    """The planner runs a function that calls itself immutable."""
    assert not judge("UPDATE t SET a = 1 WHERE a = harmless_looking()").plannable
    assert judge("UPDATE t SET a = lower('X') WHERE a = 'y'").plannable
    assert judge("EXPLAIN SELECT harmless_looking()").action_class is ActionClass.WRITE


@pytest.mark.parametrize("depth", [500, 5000])
def test_deep_nesting_ends_in_a_verdict(depth: int) -> None:
    for text in ("(" * depth + "1" + ")" * depth, "1" + "+1" * depth, "NOT " * depth + "true"):
        assert judge(f"SELECT {text}"[:LONGEST]).action_class in set(ActionClass)


PIECES = st.sampled_from(
    [
        *(
            "SELECT",
            "DELETE FROM t",
            "WITH x AS (",
            ")",
            "(",
            ";",
            "'",
            '"',
            "$$",
            "--",
            "/*",
            "*/",
        ),
        *("pg_sleep(1)", "lower('a')", ",", "FROM t", "WHERE a = 1", "\\", "E'", "U&'", "\n", "1"),
        *("INTO y", "FOR UPDATE", "UNION", "RETURNING *", "EXPLAIN", "ANALYZE", "t.f", "::int"),
    ]
)


@given(st.lists(PIECES, max_size=14).map(" ".join))
def test_no_text_makes_it_fail_and_no_delete_is_read(sql: str) -> None:
    verdict = judge(sql)
    if verdict.action_class is ActionClass.READ and verdict.verb != "EXPLAIN":
        assert "DeleteStmt" not in parser.parse_sql_json(sql)
