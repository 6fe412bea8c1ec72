"""What was approved for one database is not done to another that has come by its name since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils.timezone import now

from agents.database.targets import TargetArguments, target_of
from agents.models import CallState, TaskState, ToolExecution
from agents.runtime.tool import ToolFailure
from governance import approvals
from tests.agents.database.repairs import OPERATOR, READER, Desk, listed
from tests.agents.database.test_repairs_through_the_door import asked, called, released, worked
from tests.agents.helpdesk.desk import BEA

pytestmark = pytest.mark.django_db(transaction=True)

MOVED = "moved"


@pytest.fixture
def moved(desk: Desk) -> Any:
    """A copy of the database under another name."""
    with psycopg.connect(desk.server.dsn(), autocommit=True) as boss:
        boss.execute(f"DROP DATABASE IF EXISTS {MOVED}")
        boss.execute(f"CREATE DATABASE {MOVED}")
        with psycopg.connect(desk.server.dsn(dbname=MOVED), autocommit=True) as made:
            made.execute("CREATE TABLE accounts (id int PRIMARY KEY, owner varchar)")
            made.execute("INSERT INTO accounts SELECT n, '' FROM generate_series(1, 20) n")
            made.execute(f"GRANT ALL ON accounts TO {READER}, {OPERATOR}")
        yield desk.server.dsn(READER, MOVED)
        boss.execute(f"DROP DATABASE {MOVED} WITH (FORCE)")


def test_an_id_that_leads_elsewhere_is_asked_about_anew(
    desk: Desk, moved: str, tmp_path: Path, settings: Any
) -> None:
    task = called("run_query", query="DELETE FROM accounts WHERE id <= 4")
    first = asked(task)
    listed(desk.server, tmp_path, settings, dsn=moved)
    again = released(task)
    assert again.state == TaskState.INPUT_REQUIRED, again.text
    assert asked(again).pk != first.pk
    with psycopg.connect(desk.server.dsn(dbname=MOVED)) as there:
        row = there.execute("SELECT count(*) FROM accounts").fetchone()
    assert row == (20,)


def test_another_role_to_change_with_is_asked_about_anew(
    desk: Desk, tmp_path: Path, settings: Any
) -> None:
    task = called("run_query", query="UPDATE accounts SET owner = owner WHERE id <= 4")
    listed(desk.server, tmp_path, settings, operator="postgres")
    assert released(task).state == TaskState.INPUT_REQUIRED


@pytest.mark.parametrize(
    "more",
    [
        "hostaddr=127.0.0.1",
        "service=other",
        "passfile=/etc/shadow",
        "sslkey=/root/.ssh/id_rsa",
        "sslrootcert=/etc/passwd",
        "options='-c role=postgres'",
        "target_session_attrs=read-write",
        "replication=database",
        "krbsrvname=x",
    ],
)
def test_what_is_not_registered_is_named_by_place_and_role_alone(settings: Any, more: str) -> None:
    settings.AURA = settings.AURA.model_copy(update={"infra_config": None})
    arguments = TargetArguments(connection_string=f"host=db1 dbname=x user=u {more}")
    with pytest.raises(ToolFailure, match="host, port, dbname"):
        target_of(arguments)


def test_several_hosts_are_no_place(settings: Any) -> None:
    settings.AURA = settings.AURA.model_copy(update={"infra_config": None})
    with pytest.raises(ToolFailure, match="host, port, dbname"):
        target_of(TargetArguments(connection_string="host=db1,db2 dbname=x"))


def test_what_came_of_a_call_is_not_looked_for_at_another_place(
    desk: Desk, moved: str, tmp_path: Path, settings: Any
) -> None:
    with desk.connect("someone") as connection:
        task = called("terminate_connection", pid=connection.info.backend_pid)
        approvals.approve(task.approval, by=BEA, reason="it blocks the others")
        ToolExecution.objects.filter(run=task.run_id).update(
            state=CallState.BEGUN, begun_at=now(), token=1
        )
        listed(desk.server, tmp_path, settings, dsn=moved)
    done = worked(task)
    assert done.state == TaskState.FAILED
    assert "outcome unknown" in done.text
