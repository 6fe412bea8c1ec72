"""The look itself: on both versions, with few rights, and through the tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from agents.database.questions import calls_for
from agents.database.targets import find
from agents.database.triage.gather import gather
from agents.database.triage.judge import triage
from agents.database.triage.snapshot import Snapshot
from agents.database.triage.statements import LOOKS
from agents.triage.proof import unproven
from agents.triage.report import read
from tests.agents.database.looking import look, register
from tests.agents.database.repairs import Desk, listed, waiting
from tests.agents.database.servers import Server, until

WANT = "UPDATE accounts SET balance = 1 WHERE id = 1"


def snapshot() -> Snapshot:
    return gather(find("shop"), "triage_database")


def test_every_view_of_either_version_is_read(desk: Desk) -> None:
    taken = snapshot()
    assert taken.missing == ()
    assert taken.version == (18 if desk.newest else 15)
    wanted = {look.view for look in LOOKS if look.since <= taken.version and look.only == ""}
    assert wanted <= taken.facts.keys()
    assert taken.settings["work_mem"].bytes == 4 << 20


def test_a_chain_is_told_with_the_call_that_ends_it(desk: Desk) -> None:
    with desk.connect() as root:
        pid = root.info.backend_pid
        root.execute("BEGIN")
        root.execute("UPDATE accounts SET balance = 0 WHERE id = 1")
        with waiting(desk, WANT, "operator") as one, waiting(desk, WANT, "operator") as two:
            until(lambda: blocked(desk, one) and blocked(desk, two))
            taken = snapshot().later(60)
            found = triage(taken)
        root.execute("ROLLBACK")
    first = found.roots[0]
    assert unproven(found, taken) == []
    assert first.object == f"database/shop/session/{pid}"
    assert first.remedy is not None
    assert first.remedy.tool == "terminate_connection"
    desk.tool(first.remedy.tool).parameters.model_validate(dict(first.remedy.arguments))


def blocked(desk: Desk, pid: int) -> bool:
    return bool(
        desk.value(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", pid
        )
    )


def test_a_role_without_rights_says_what_to_grant(
    furnished: Server, tmp_path: Path, settings: Any
) -> None:
    listed(furnished, tmp_path, settings, reader="bystander")
    taken = snapshot()
    assert any('GRANT pg_monitor TO "bystander"' in line for line in taken.missing)
    assert any(line.startswith("pg_wal: ") for line in taken.missing)
    assert taken.facts["pg_stat_user_tables"]
    assert unproven(triage(taken), taken) == []


def test_what_is_locked_is_not_waited_for(desk: Desk) -> None:
    with desk.connect() as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE")
        taken = snapshot()
    assert taken.missing == ()
    assert taken.facts["pg_stat_activity"]


def test_the_tool_answers_for_a_server_that_is_down(settings: Any, tmp_path: Path) -> None:
    register(settings, tmp_path, shop={"connection_string": f"host={tmp_path} dbname=shop"})
    result = look("triage_database", connection_string="shop")
    assert result.content.startswith("database/shop: Nothing listens.")
    (root,) = read(result.data).roots
    assert (root.cause, root.severity.name) == ("connection/refused", "CRITICAL")


def test_the_answer_begins_with_the_cause(desk: Desk) -> None:
    with desk.connect() as boss:
        boss.execute("ALTER DATABASE shop SET default_transaction_read_only = on")
        try:
            (name, arguments), *_ = calls_for("Why do writes to shop fail?")
            result = look(name, **arguments)
        finally:
            with psycopg.connect(desk.server.dsn(), autocommit=True) as other:
                other.execute("ALTER DATABASE shop RESET default_transaction_read_only")
    causes = [root.cause for root in read(result.data).roots]
    assert "configuration/read-only-default" in causes
    assert "ALTER DATABASE" in result.content


@pytest.mark.parametrize("name", ["get_index_usage", "get_unused_indexes"])
def test_indexes_are_listed(desk: Desk, name: str) -> None:
    with desk.connect() as boss:
        boss.execute("CREATE INDEX IF NOT EXISTS for_nothing ON entries (note)")
    found = look(name, connection_string="shop", table_name="entries").data["indexes"]
    assert [row["index"] for row in found] == ["for_nothing"]
    keys = look(name, connection_string="shop", table_name="accounts").data["indexes"]
    assert [row["index"] for row in keys] == (["accounts_pkey"] if "usage" in name else [])


def test_the_password_of_a_statement_is_in_no_look(desk: Desk) -> None:
    statement = "SELECT 1 AS x /* ALTER ROLE app PASSWORD 'kept-quiet-9' */"
    with desk.connect() as client:
        client.execute(statement)
        taken = snapshot()
    told = str(taken.facts) + "".join(taken.text(view) for view in (*taken.facts, "log"))
    assert "ALTER ROLE app PASSWORD" in told
    assert "kept-quiet-9" not in told
