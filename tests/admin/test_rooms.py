"""What people who are new to the console looked for: where things are, and what they are called."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse
from django.utils.timezone import now

from agents.helpdesk import tasks
from agents.models import HelpdeskTask, TaskState
from aura.console.navigation import GROUPS
from governance import approvals
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.models import SecurityAlert
from governance.types import SYSTEM, Action, ActionClass, ActorKind, Principal, Resource
from tests import builders
from tests.admin.conftest import LOOK, browser_of, person
from tests.admin.pages import APPROVALS, INDEX, LOG, approval_page, text, words_in

pytestmark = pytest.mark.django_db

ALERTS = "/admin/governance/securityalert/"
TASKS = "/admin/agents/helpdesktask/"
ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"operator"}))


def rooms(browser):
    nav = re.search(r'<nav id="rooms".*?</nav>', text(browser.get(INDEX)), re.DOTALL)
    assert nav
    return [name.strip() for name in re.findall(r"<a [^>]*>([^<]+)<", nav.group())]


def plain(html):
    return words_in(html)


def request_of(**fields):
    usual: dict[str, Any] = {
        "tool": "delete_pod",
        "arguments": {"pod": "web-1"},
        "action_class": ActionClass.DESTRUCTIVE,
        "resource": Resource(type="kubernetes", name="prod/web-1"),
        "principal": Principal(kind=ActorKind.AGENT, name="k8s"),
        "trace_id": "tr_1",
    }
    context = fields.pop("context", {})
    return approvals.request(Action(**(usual | fields)), policy="p", context=context)


# --- the navigation ---


def test_everything_that_can_be_looked_at_is_in_the_navigation(admin_browser):
    reached = {name for _, group in GROUPS for name in (room.name for room in group)}
    shown = rooms(admin_browser)
    assert set(shown) == reached
    assert shown[:2] == ["Inbox", "Tickets"]
    for _, group in GROUPS:
        for room in group:
            assert (
                admin_browser.get(reverse(room.view, urlconf="aura.surfaces.api")).status_code
                == 200
            )


def test_who_may_not_look_sees_no_way_there(db):
    browser = browser_of(person("vic", "tickets.view_ticket"))
    assert rooms(browser) == [
        "Inbox",
        "Tickets",
        "Dashboard",
        "Alerts",
        "Stop switch, budgets",
        "Agents and tools",
        "Inventory",
        "Roles",
    ]
    assert browser.get(TASKS).status_code == 403
    assert browser.get(ALERTS).status_code == 403


# --- lists ---


def test_the_filters_have_names(admin_browser):
    SecurityAlert.objects.create(type="log_broken", severity="critical", subject="log", at=now())
    assert "Time" in plain(text(admin_browser.get(ALERTS)))
    assert "From (UTC)" in plain(text(admin_browser.get(LOG)))


def test_the_list_of_approvals_names_the_ticket_and_filters_plans(admin_browser):
    ticket = builders.new_ticket(title="Deploy\u202e Redis")
    plan = builders.PLAN
    request_of(tool="submit_plan", action_class=ActionClass.READ, arguments=plan)
    request_of(trace_id=str(ticket.pk))
    request_of(trace_id="not-a-ticket")
    page = text(admin_browser.get(APPROVALS))
    assert "Deploy⟨U+202E⟩ Redis" in page
    assert "Class" in plain(page)
    for chosen in ("plan", "read", "destructive"):
        assert f"class={chosen}" in page


def test_a_plan_is_no_read_for_the_filter(admin_browser):
    action = Action(
        tool="submit_plan",
        arguments=builders.PLAN,
        action_class=ActionClass.READ,
        resource=Resource(type="ticket", name="a-ticket"),
        principal=SYSTEM,
        trace_id="tr_plan",
    )
    approvals.request(action, policy="p", kind="plan")
    request_of()
    shown = {
        chosen: text(admin_browser.get(f"{APPROVALS}?class={chosen}"))
        for chosen in ("plan", "read", "destructive")
    }
    found = {chosen: page.count('class="field-what"') for chosen, page in shown.items()}
    assert found == {"plan": 1, "read": 0, "destructive": 1}
    assert "a-ticket" in shown["plan"]


def test_the_log_says_something_of_every_event(admin_browser):
    record(
        "login_succeeded", actor=ADA, action="login_succeeded", data={"payload": {"from": "::1"}}
    )
    record("empty_handed", actor=ADA, action="empty_handed")
    sequence()
    page = text(admin_browser.get(LOG))
    cells = re.findall(r'<td class="field-what">(.*?)</td>', page)
    assert cells
    assert "-" not in cells
    assert any("from: ::1" in cell for cell in cells)


# --- an approval's page ---


def test_a_plan_is_read_as_its_steps_and_the_json_is_folded(admin_browser):
    action = Action(
        tool="submit_plan",
        arguments=builders.PLAN,
        action_class=ActionClass.READ,
        resource=Resource(type="ticket", name="t"),
        principal=SYSTEM,
        trace_id="tr_plan",
    )
    approval = approvals.request(action, policy="p", kind="plan")
    page = text(admin_browser.get(approval_page(approval)))
    steps = re.search(r'<ol class="plan-steps">.*?</ol>', page, re.DOTALL)
    assert steps
    assert "Write the StatefulSet git_write_file redis/set.yaml" in plain(steps.group())
    assert "Create Redis StatefulSet with Sentinel" in plain(page)
    assert "Data namespace may already exist" in plain(page)
    assert re.search(r"<details\s*>\s*<summary>The exact arguments", page)


@pytest.mark.parametrize("steps", ["no list", [1, None], {"a": 1}, [{}], [["x"]]])
def test_a_plan_that_is_none_breaks_no_page(admin_browser, steps):
    action = Action(
        tool="submit_plan",
        arguments={"steps": steps, "risks": 3},
        action_class=ActionClass.READ,
        resource=Resource(type="ticket", name="t"),
        principal=SYSTEM,
        trace_id="tr_plan",
    )
    approval = approvals.request(action, policy="p", kind="plan")
    assert admin_browser.get(approval_page(approval)).status_code == 200


def test_what_the_call_would_touch_stands_before_the_decision(admin_browser):
    preview = "DELETE 1 pod\n  web-1\u202egnp.exe\u200b\x1b[2J <b>bold</b>"
    approval = request_of(context={"preview": preview})
    page = text(admin_browser.get(approval_page(approval)))
    found = re.search(r'<div class="preview">(.*?)</div>', page, re.DOTALL)
    assert found
    assert "web-1⟨U+202E⟩gnp.exe⟨U+200B⟩⟨U+001B⟩[2J &lt;b&gt;bold" in found.group(1)
    assert page.index('class="preview"') < page.index('value="approve"')


def test_why_something_could_not_be_seen_is_folded_behind_one_short_sentence(admin_browser):
    trouble = "Argo CD cannot be reached at http://argo:1/: \u202e<b>Connection refused</b>"
    context = {"preview": "Argo CD could not be looked at.", "trouble": trouble}
    page = text(admin_browser.get(approval_page(request_of(context=context))))
    found = re.search(r'<div class="preview">(.*?)</div>(.*?</details>)', page, re.DOTALL)
    assert found
    seen, folded = (" ".join(part.split()) for part in found.groups())
    assert '<pre tabindex="0">Argo CD could not be looked at.</pre>' in seen
    assert "cannot be reached" not in seen
    assert folded.startswith("<details>")
    assert "http://argo:1/: ⟨U+202E⟩&lt;b&gt;Connection refused" in folded


@pytest.mark.parametrize(
    "context", [{}, {"preview": ""}, {"preview": 7}, {"preview": {"a": []}, "trouble": 7}]
)
def test_a_preview_of_any_shape_breaks_no_page(admin_browser, context):
    approval = request_of(context=context)
    assert admin_browser.get(approval_page(approval)).status_code == 200


# --- tasks of the helpdesk's agents ---


def task(**fields):
    made = tasks.ask("database", "Why is\u202e orders slow?", by=ADA, trace_id="tr_task_1")
    HelpdeskTask.objects.filter(pk=made.pk).update(**fields)
    return HelpdeskTask.objects.get(pk=made.pk)


def test_tasks_are_listed_with_question_state_and_who(admin_browser):
    task(state=TaskState.COMPLETED, text="An index is missing")
    called = tasks.call("k8s", "delete_pod", {"pod": "web-1"}, by=ADA)
    page = plain(text(admin_browser.get(TASKS)))
    for said in ("Why is⟨U+202E⟩ orders slow?", "completed", "ada", "delete_pod", called.key):
        assert said in page


def test_a_task_has_a_page_with_answer_approval_and_trace(admin_browser):
    approval = request_of(trace_id="tr_task_1")
    shown = task(
        state=TaskState.INPUT_REQUIRED,
        text="An index is missing\u200b",
        approval=approval.key,
        ended_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    page = text(admin_browser.get(f"{TASKS}{shown.pk}/change/"))
    assert "An index is missing⟨U+200B⟩" in page
    assert approval_page(approval) in page
    assert f"{LOG}?q=tr_task_1" in page
    assert not re.search(r'<form[^>]*method="post"[^>]*helpdesktask', page)


def test_a_task_can_be_looked_at_and_not_changed(admin_browser):
    shown = task()
    assert admin_browser.post(f"{TASKS}{shown.pk}/change/").status_code == 405
    assert admin_browser.get(f"{TASKS}add/").status_code == 403
    asker = browser_of(person("rita", *LOOK, "agents.ask_agents"))
    assert asker.get(f"{TASKS}{shown.pk}/change/").status_code == 200
    assert "There is no" in text(asker.get(f"{TASKS}{ADA}/change/", follow=True))


def test_who_only_looks_is_shown_no_answers(admin_browser):
    shown = task()
    viewer = browser_of(person("vera", *LOOK))
    assert viewer.get(f"{TASKS}{shown.pk}/change/").status_code == 403
    assert viewer.get(TASKS).status_code == 403
