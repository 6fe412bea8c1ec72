"""The room of agents and tools: what is shown of them, and trying one that only reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.helpdesk import catalogue, drive
from agents.models import HelpdeskTask, TaskState, ToolExecution
from agents.runtime.tool import ToolFailure
from aura.kernel import throttling
from governance.models import AuditEvent
from governance.policy import current
from governance.types import ActorKind, Resource, Role
from tests.admin.conftest import LOOK, browser_of, person
from tests.admin.pages import messages, submit, text
from tests.admin.screen import NEEDS_BROWSER, screen
from tests.agents import others
from tests.agents.helpdesk.desk import NAME, Desk
from tests.agents.served import worked as worked_on
from tests.people import person as somebody
from tests.throttles import patient
from tickets import daily
from tickets.models import DailyUse

ROOM = "/admin/tools/"
READ, WRITE = f"{ROOM}{NAME}/look/", f"{ROOM}{NAME}/change/"
HOSTILE = "<script>alert(1)</script>\u202eback\x1b[31m"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The only agent there is beside the tickets'."""
    made = Desk()
    others.in_place(monkeypatch, [made.agent()])
    return made


@pytest.fixture
def asker(db: None) -> Any:
    """Somebody who may look and ask agents, and nothing else."""
    return browser_of(person("rita", *LOOK, "agents.ask_agents"))


def called(browser: Any, **said: str) -> Any:
    """Fill in the form and send it."""
    fields = {f"arg-{name}": value for name, value in said.items() if name != "purpose"}
    about = {"purpose": said["purpose"]} if "purpose" in said else {}
    return submit(browser, READ, READ, **fields, **about)


def worked() -> HelpdeskTask:
    """The one task, after a worker has seen it."""
    task = HelpdeskTask.objects.get()
    drive.advance(task.run_id)
    task.refresh_from_db()
    return task


def answer(browser: Any, response: Any) -> str:
    """The card that the answer to a call leads to."""
    assert response.status_code == 302, text(response)
    page = text(browser.get(response["Location"]))
    found = re.search(r'id="answer".*?</section>', page, re.DOTALL)
    assert found, page
    return found.group()


# --- the room ---


@pytest.mark.parametrize("path", [ROOM, f"{ROOM}k8s_agent/get_pods/"])
def test_who_may_not_see_tickets_sees_no_tools(db, path):
    assert browser_of(person("lou", "governance.view_auditevent")).get(path).status_code == 403
    assert browser_of(None).get(path).status_code == 302
    assert browser_of(person("vic", "tickets.view_ticket")).get(path).status_code == 200


def test_every_agent_is_shown_with_all_its_tools(admin_browser):
    page = text(admin_browser.get(ROOM))
    for agent in catalogue.agents():
        for tool in catalogue.toolset(agent.name):
            assert f'href="{ROOM}{agent.name}/{tool.name}/"' in page
    for name in ("git_write_file", "submit_plan", "helm_values"):
        assert f'href="{ROOM}ticket/{name}/"' in page
    assert "depends on the arguments" in page
    assert "No worker has looked yet" in page


def test_the_room_costs_as_many_queries_as_it_has_pages(admin_browser):
    admin_browser.get(ROOM)
    with CaptureQueriesContext(connection) as captured:
        admin_browser.get(ROOM)
    assert len(captured) <= 16


def test_a_tool_is_shown_with_its_arguments_and_its_schema(admin_browser):
    page = text(admin_browser.get(f"{ROOM}k8s_agent/get_pods/"))
    assert "<code>namespace</code>" in page
    assert "additionalProperties" in page
    assert "/api/v1/k8s/get_pods" in page
    changes = text(admin_browser.get(f"{ROOM}k8s_agent/delete_pod/"))
    assert "cannot be tried here" in changes
    assert '<form method="post" action="/admin/tools' not in changes
    assert "By its agent alone" in text(admin_browser.get(f"{ROOM}ticket/git_status/"))


@pytest.mark.parametrize("path", ["k8s_agent/nothing/", "nobody/get_pods/", "ticket/get_pods/"])
def test_a_tool_that_there_is_not_is_not_found(admin_browser, path):
    assert admin_browser.get(f"{ROOM}{path}").status_code == 404
    assert admin_browser.post(f"{ROOM}{path}").status_code == 404


def test_the_calls_of_a_tool_are_counted_on_its_page(desk, admin_browser):
    called(admin_browser, text="hello")
    worked()
    ToolExecution.objects.update(begun_at=now(), ended_at=now())
    daily.count()
    assert "1 call in 30 days" in text(admin_browser.get(ROOM))
    page = text(admin_browser.get(READ))
    assert re.search(r"in 30 days</dt>\s*<dd>\s*1\s*</dd>", page)
    assert " ms" in page
    assert "None in 30 days" in text(admin_browser.get(WRITE))
    DailyUse.objects.all().delete()
    assert "None in 30 days" in text(admin_browser.get(READ))


INFRA = {
    "db_servers": {
        "shop": {"connection_string": "host=db.example.com dbname=shop password=s3cret"},
        HOSTILE: {"connection_string": "host=other.example.com dbname=x"},
    }
}


def test_the_inventory_is_offered_and_the_policy_asked_of_each_place(
    admin_browser, tmp_path, monkeypatch
):
    file = tmp_path / "infra.json"
    file.write_text(json.dumps(INFRA))
    monkeypatch.setattr(settings, "AURA", settings.AURA.model_copy(update={"infra_config": file}))
    page = text(admin_browser.get(f"{ROOM}postgres_database_agent/get_active_connections/"))
    assert '<option value="shop">' in page
    assert 'list="known-connection_string"' in page
    assert "<strong>allowed</strong> by infrastructure" in page
    for hidden in ("s3cret", "<script>alert", "\u202e"):
        assert hidden not in page
    changes = text(admin_browser.get(f"{ROOM}postgres_database_agent/terminate_connection/"))
    assert "<strong>needs an approval</strong> by infrastructure" in changes


# --- trying one ---


def test_a_read_is_called_as_the_gateway_calls_it(desk: Desk, asker: Any):
    response = called(asker, text="hello", purpose="diagnostic")
    task = HelpdeskTask.objects.get()
    assert response["Location"] == f"{READ}?task={task.key}#answer"
    assert (task.agent, task.tool, task.arguments) == (NAME, "look", {"text": "hello"})
    assert (task.asked_kind, task.asked_by, task.purpose) == (ActorKind.USER, "rita", "diagnostic")
    assert task.trace_id.startswith("dt_")
    assert "Still at work" in answer(asker, response)
    worked()
    assert desk.ran == ["look"]
    said = answer(asker, response)
    assert "look: hello" in said
    assert "said" in said, "the data"
    assert f"?q={task.trace_id}" in said
    assert AuditEvent.objects.filter(trace_id=task.trace_id, actor_name="rita").exists()


def test_the_role_of_the_caller_goes_with_the_call(db: None, desk: Desk):
    browser = browser_of(somebody("olga", Role.OPERATOR))
    called(browser, text="x")
    assert HelpdeskTask.objects.get().roles == ["operator"]


def test_what_was_said_stands_in_the_form_beside_its_answer(desk: Desk, asker: Any):
    response = called(asker, text='a "quoted" word', purpose="why")
    worked()
    page = text(asker.get(response["Location"]))
    assert 'value="a &quot;quoted&quot; word"' in page
    assert 'value="why"' in page


def test_what_does_not_fit_calls_nothing_and_is_kept(desk: Desk, asker: Any):
    response = called(asker, text="y" * 101)
    assert response.status_code == 200
    assert "y" * 101 in text(response)
    assert "at most 100 characters" in text(response)
    assert not HelpdeskTask.objects.exists()


def test_a_denial_a_failure_and_a_worker_that_is_gone_are_told_apart(desk: Desk, asker: Any):
    desk.resource = Resource(type="database", name="elsewhere")
    response = called(asker, text="x")
    worked()
    assert re.search(r"<h2[^>]*>Denied</h2>", answer(asker, response))
    assert desk.ran == []
    HelpdeskTask.objects.all().delete()
    desk.resource, desk.fault = Resource(type="incident", name="x"), ToolFailure("no such table")
    response = called(asker, text="x")
    worked()
    failed = answer(asker, response)
    assert "The tool could not do it" in failed
    assert "no such table" in failed
    HelpdeskTask.objects.update(failure="unavailable")
    assert "Nobody could run it" in answer(asker, response)


WANTS_APPROVAL = """
version: "1"
policies:
  - name: careful
    resources: [{type: database}]
    rules:
      - action: read
        effect: require_approval
"""


@pytest.fixture
def careful(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A policy under which reads wait for a person."""
    monkeypatch.setattr(current, "built_in_text", lambda: WANTS_APPROVAL)
    current.forget()
    yield
    current.forget()


def test_a_read_that_needs_an_approval_leads_to_it(desk: Desk, asker: Any, careful: None):
    response = called(asker, text="x")
    task = worked()
    assert task.state == TaskState.INPUT_REQUIRED
    said = answer(asker, response)
    assert "Needs an approval" in said
    assert f"Approval {task.approval}" in said
    assert desk.ran == []
    unseeing = browser_of(person("una", "tickets.view_ticket", "agents.ask_agents"))
    hidden = answer(unseeing, response)
    assert "Needs an approval" in hidden
    assert "/admin/governance/" not in hidden


@pytest.fixture
def throttled(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with patient(settings, monkeypatch, throttle_requests=1):
        yield


@pytest.mark.usefixtures("throttled")
def test_who_asks_too_often_is_told_so_and_loses_nothing(desk: Desk, asker: Any):
    throttling.count_request("127.0.0.1")
    response = called(asker, text="kept")
    assert response.status_code == 429
    assert "API requests a minute" in messages(asker, response)
    assert 'value="kept"' in text(response)
    assert not HelpdeskTask.objects.exists()


def test_who_may_not_ask_agents_calls_nothing_and_sees_no_answer(desk: Desk, asker: Any):
    viewer = browser_of(somebody("vera", Role.VIEWER))
    assert "<form" not in text(viewer.get(READ)).partition("What it does")[2]
    assert viewer.post(READ, {"arg-text": "x"}).status_code == 403
    assert not HelpdeskTask.objects.exists()
    response = called(asker, text="for rita alone")
    worked()
    seen = text(viewer.get(response["Location"]))
    assert "for rita alone" not in seen
    assert 'id="answer"' not in seen


def test_a_tool_that_changes_something_is_not_called_from_here(desk: Desk, admin_browser: Any):
    for path in (WRITE, f"{ROOM}{NAME}/destroy/", f"{ROOM}ticket/git_status/"):
        assert admin_browser.post(path, {"arg-text": "x"}).status_code == 405
    assert not HelpdeskTask.objects.exists()


def test_looking_calls_nothing_and_a_token_of_the_form_is_needed(desk: Desk, asker: Any):
    asker.get(READ, {"arg-text": "x", "task": "task-none"})
    asker.head(READ)
    assert asker.put(READ).status_code == 405
    strict = browser_of(person("nora", *LOOK, "agents.ask_agents"), enforce_csrf_checks=True)
    assert strict.post(READ, {"arg-text": "x"}).status_code == 403
    assert not HelpdeskTask.objects.exists()


def test_the_answer_of_another_tool_is_not_shown_as_of_this_one(desk: Desk, asker: Any):
    called(asker, text="x")
    task = worked()
    assert 'id="answer"' not in text(asker.get(f"{WRITE}?task={task.key}"))
    assert 'id="answer"' not in text(asker.get(f"{READ}?task=task-000000000000"))


def test_what_a_tool_answers_acts_on_no_page_and_does_not_fill_it(desk: Desk, asker: Any):
    response = called(asker, text="x")
    task = worked()
    HelpdeskTask.objects.update(
        text=HOSTILE + "long " * 100_000, artifacts=[{"id": "1", "parts": HOSTILE}]
    )
    page = text(asker.get(response["Location"]))
    for acting in ("<script>alert", "\u202e", "\x1b"):
        assert acting not in page
    assert "⟨U+202E⟩" in page
    assert "This is the beginning of" in page
    assert len(page) < 100_000
    assert task.key in page


@NEEDS_BROWSER
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_tries_a_tool_and_reads_its_answer(
    browser: Any, base: str, desk: Desk, monkeypatch: Any, *, scripts: bool
) -> None:
    olga = somebody("olga", Role.OPERATOR)
    phone = screen(browser, base, olga, size="phone", java_script_enabled=scripts)
    with worked_on(monkeypatch), phone as shown:
        page = shown.open(ROOM)
        page.get_by_role("link", name="look", exact=True).click()
        page.get_by_label("text:", exact=True).fill("is anybody there?")
        page.get_by_role("button", name="Call look").click()
        page.get_by_role("heading", name="Answer", exact=True).wait_for()
        page.locator("#answer pre", has_text="look: is anybody there?").first.wait_for()
        if scripts:
            assert shown.faults() == []
            shown.picture("tool-answer-phone-light")
