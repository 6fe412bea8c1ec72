"""The allow-lists hold what a server of the parser's version has, and nothing that changes it."""

from __future__ import annotations

from agents.database import sqlwords
from tests.agents.database.repairs import Desk


def test_every_known_function_is_the_servers_and_only_looks(desk: Desk) -> None:
    with desk.connect() as boss:
        kinds: dict[str, set[str]] = dict(
            boss.execute(
                "SELECT proname, array_agg(DISTINCT provolatile::text) FROM pg_proc"
                " WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1"
            ).fetchall()
        )
    if desk.newest:
        assert kinds.keys() >= sqlwords.FUNCTIONS
    there = sqlwords.FUNCTIONS & kinds.keys()
    assert {name for name in there if "v" in kinds[name]} <= sqlwords.VOLATILE
    assert not {name for name in there if sqlwords.why_refused(name)}


def test_every_known_operator_and_type_is_the_servers(desk: Desk) -> None:
    if not desk.newest:
        return
    with desk.connect() as boss:
        operators = {row[0] for row in boss.execute("SELECT oprname FROM pg_operator").fetchall()}
        types = {row[0] for row in boss.execute("SELECT typname FROM pg_type").fetchall()}
    assert operators >= sqlwords.OPERATORS
    assert types >= sqlwords.TYPES


def test_what_changes_the_server_is_refused_by_name_and_not_by_chance() -> None:
    for name in (
        "pg_terminate_backend",
        "pg_read_file",
        "dblink_exec",
        "pg_sleep_for",
        "lo_import",
    ):
        assert sqlwords.why_refused(name)
    assert sqlwords.why_refused("nextval") is None  # a write that may be approved
