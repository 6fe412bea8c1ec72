"""Repairs as a caller gets them: asked for, shown to an approver, released, done, verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.helpdesk import drive, tasks
from agents.models import HelpdeskTask, TaskState
from governance import approvals
from governance.models import Approval
from governance.policy import current
from tests.agents.database.repairs import BOSS, SHOP, Desk, listed, waiting
from tests.agents.database.servers import until
from tests.agents.database.test_session_tools import WRITES, alive, blocked, in_transaction
from tests.agents.helpdesk.desk import ADA, BEA

pytestmark = pytest.mark.django_db(transaction=True)
AGENT = "postgres_database_agent"


def called(tool: str, **arguments: object) -> HelpdeskTask:
    task = tasks.call(AGENT, tool, {"connection_string": SHOP, **arguments}, by=ADA)
    return worked(task)


def worked(task: HelpdeskTask) -> HelpdeskTask:
    drive.advance(task.run_id, None)
    found = tasks.find(task.key)
    assert found is not None
    return found


def released(task: HelpdeskTask) -> HelpdeskTask:
    approvals.approve(task.approval, by=BEA, reason="it blocks the others")
    return worked(task)


def asked(task: HelpdeskTask) -> Approval:
    assert task.state == TaskState.INPUT_REQUIRED, task.text
    return Approval.objects.get(key=task.approval)


def test_a_blocking_session_is_shown_released_and_ended(desk: Desk) -> None:
    with in_transaction(desk, WRITES) as pid, waiting(desk, WRITES, BOSS) as waiter:
        until(lambda: blocked(desk, waiter))
        task = called("terminate_connection", pid=pid)
        assert f"Session {pid} on shop" in asked(task).context["preview"]
        assert alive(desk, pid)
        done = released(task)
        assert not alive(desk, pid)
        assert not blocked(desk, waiter)
    assert done.state == TaskState.COMPLETED
    assert "1 session no longer waiting" in done.text
    assert '"verify_status": "ok"' in done.artifacts[0]["parts"]


def test_what_was_approved_for_one_transaction_does_not_end_the_next(desk: Desk) -> None:
    with desk.connect("someone") as connection:
        connection.execute("BEGIN; SELECT 1")
        pid = connection.info.backend_pid
        task = called("terminate_connection", pid=pid)
        first = task.approval
        connection.execute("COMMIT; BEGIN; SELECT 1")
        again = released(task)
        assert alive(desk, pid)
    assert again.state == TaskState.INPUT_REQUIRED
    assert again.approval != first


def test_a_change_of_rows_is_committed_once_it_is_released(desk: Desk) -> None:
    sql = "UPDATE accounts SET owner = owner WHERE id <= $1"
    task = called("run_query", query=sql, params=[4])
    assert "Update on accounts" in asked(task).context["preview"]
    done = released(task)
    assert done.state == TaskState.COMPLETED, done.text
    assert "UPDATE: 4 rows changed, committed." in done.text


def test_a_statement_that_is_run_for_nobody_is_asked_about_by_nobody(desk: Desk) -> None:
    task = called("run_query", query="SELECT pg_terminate_backend(1)")
    assert task.state == TaskState.FAILED
    assert "terminate_connection" in task.text
    assert not Approval.objects.exists()


def test_a_look_is_answered_at_once(desk: Desk) -> None:
    task = called("run_query", query="SELECT count(*) AS n FROM accounts")
    assert task.state == TaskState.COMPLETED, task.text
    assert '"n"' in task.artifacts[0]["parts"]


def test_a_right_that_is_missing_is_told_at_once(desk: Desk, tmp_path: Path, settings: Any) -> None:
    listed(desk.server, tmp_path, settings, operator="looker")
    with in_transaction(desk, WRITES) as pid:
        task = released(called("terminate_connection", pid=pid))
        assert alive(desk, pid)
    assert task.state == TaskState.FAILED
    assert task.text.startswith("TERMINATION FAILED: ")
    listed(desk.server, tmp_path, settings, reader="bystander")
    with in_transaction(desk, WRITES) as pid:
        task = called("terminate_connection", pid=pid)
    assert task.state == TaskState.FAILED
    assert "hidden from the role" in task.text


LIMITED = """
version: "1"
policies:
  - name: limited
    resources: [{type: database}]
    rules:
      - {action: write, effect: allow, conditions: {max_rows_affected: 30}}
"""


@pytest.fixture
def at_most_30_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The policy in force allows every write of so many rows."""
    monkeypatch.setattr(current, "built_in_text", lambda: LIMITED)
    current.forget()
    yield
    monkeypatch.undo()
    current.forget()


@pytest.mark.usefixtures("at_most_30_rows")
def test_a_change_of_more_rows_than_the_policy_permits_is_taken_back(desk: Desk) -> None:
    """What nobody can foresee is counted in the transaction, and that counts."""
    with desk.connect() as boss:
        boss.execute("CREATE FUNCTION whatever() RETURNS int LANGUAGE sql AS 'SELECT 0'")
        sql = "UPDATE entries SET note = note WHERE account > whatever() * $1"
        try:
            task = called("run_query", query=sql, params=[1])
            fits = called("run_query", query=f"{sql} AND account < 4", params=[1])
        finally:
            boss.execute("DROP FUNCTION whatever()")
    assert task.state == TaskState.FAILED
    assert "60 rows" in task.text
    assert "nothing was changed" in task.text
    assert "9 rows changed" in fits.text


@pytest.mark.usefixtures("at_most_30_rows")
def test_a_change_that_is_foreseen_to_be_too_large_is_not_begun(desk: Desk) -> None:
    task = called("run_query", query="UPDATE entries SET note = 'x' WHERE account > 0")
    assert (task.state, task.failure) == (TaskState.FAILED, "denied")
    assert "60 rows" in task.text
