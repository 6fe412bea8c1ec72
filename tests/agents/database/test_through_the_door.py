"""The database agent as it is asked: policy, log and failures included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.database.agent import AGENT
from agents.database.idle import idle
from agents.helpdesk import drive, tasks
from agents.models import HelpdeskTask, TaskState
from governance.models import AuditEvent
from governance.types import ActorKind, Principal, Role
from tests.agents.database.looking import register
from tests.agents.database.repairs import Desk

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("desk"),
    pytest.mark.parametrize("furnished", ["18"], indirect=True),
]
ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({Role.OPERATOR.value}))
SECRET = "hunter2-and-more"


def called(tool: str, **arguments: Any) -> HelpdeskTask:
    return worked(tasks.call(AGENT.name, tool, arguments, by=ADA, trace_id="dt_1"))


def worked(task: HelpdeskTask) -> HelpdeskTask:
    try:
        drive.advance(task.run_id)
    finally:
        idle.clear()
    found = tasks.find(task.key)
    assert found is not None
    return found


def test_a_look_is_allowed_run_and_logged():
    task = called("check_connection", connection_string="shop")
    assert task.state == TaskState.COMPLETED
    assert task.text.startswith("Connection successful: shop as looker")
    assert json.loads(task.artifacts[0]["parts"])["database"] == "shop"
    assert AuditEvent.objects.filter(trace_id="dt_1", type="tool_called").exists()


def test_a_question_is_answered_without_a_model():
    task = worked(tasks.ask(AGENT.name, "Is shop healthy?", by=ADA, trace_id="tr_1"))
    assert task.state == TaskState.COMPLETED
    assert task.tool_calls == ["triage_database", "get_status_summary"]
    assert "PostgreSQL 18" in task.text


def test_an_unknown_target_fails_and_names_the_known_ones():
    task = called("check_connection", connection_string=f"host=db9 dbname=x password={SECRET}")
    assert (task.state, task.failure) == (TaskState.FAILED, "failed")
    assert "Registered are: shop." in task.text


def test_without_an_inventory_the_policy_says_no_and_where_to_register(settings, tmp_path):
    register(settings, tmp_path)
    task = called("check_connection", connection_string=f"host=db9 dbname=x password={SECRET}")
    assert (task.state, task.failure) == (TaskState.FAILED, "denied")
    assert "policy denied" in task.text
    assert "HELPDESK_INFRA_CONFIG" in task.text


def test_a_callers_password_is_in_no_event_and_no_answer(desk: Desk):
    place = desk.server.dsn("looker", "shop", password=SECRET)
    task = called("check_connection", connection_string=place)
    assert task.state == TaskState.COMPLETED
    assert SECRET not in f"{task.text}{task.artifacts}"
    events = AuditEvent.objects.filter(trace_id="dt_1")
    assert events
    assert not [event for event in events if SECRET in str(event.body)]


def test_a_server_that_is_down_fails_with_the_marker_that_clients_look_for(settings, tmp_path):
    register(settings, tmp_path, gone={"connection_string": "host=127.0.0.1 port=1 dbname=x"})
    task = called("get_lock_info", connection_string="gone")
    assert (task.state, task.failure) == (TaskState.FAILED, "failed")
    lines = task.text.splitlines()
    assert lines[0].startswith("Nothing listens there")
    assert lines[1].startswith("ERROR — get_lock_info failed for gone (127.0.0.1:1/x)")
