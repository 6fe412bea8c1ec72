"""GET /api/tickets/:id/audit and GET /api/audit"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from governance.audit.record import record
from governance.helpdesk.posting import post_event
from governance.models import AuditEvent
from governance.types import SYSTEM, ActorKind, Principal
from tests.builders import (
    done,
    executing,
    new_ticket,
    pending_approval,
    pending_input,
    pending_plan_approval,
    planning,
    says,
    worker,
)
from tests.contract.wire import NOBODY, at, invalid, moment, ok, uuid4
from tickets.events import TYPES

pytestmark = pytest.mark.django_db

DOCUMENTED = [
    "id",
    "ticketId",
    "timestamp",
    "type",
    "actor",
    "action",
    "reasoning",
    "toolCall",
    "tokenUsage",
]
SPECIFIED = {
    "ticket_created",
    "status_changed",
    "plan_generated",
    "plan_approved",
    "tool_called",
    "commit_created",
    "push_executed",
    "argo_sync_started",
    "argo_health_checked",
    "approval_requested",
    "approval_granted",
    "approval_denied",
    "question_asked",
    "question_answered",
    "error_occurred",
    "ticket_resolved",
}
BOTH = pytest.mark.parametrize("path", ["/api/tickets/{}/audit", "/api/audit"])


def entries(response):
    return ok(response)["entries"]


def types(response):
    return [entry["type"] for entry in entries(response)]


@pytest.fixture
def committed():
    """A ticket whose agent made a commit."""
    ticket = executing()
    with worker(ticket) as journal:
        call = says(
            journal,
            "git_commit",
            text="Creating commit with Redis manifests",
            tokens=(450, 120),
            message="Add Redis StatefulSet",
        )
        done(journal, call, "Committed", sha="abc123f")
    return ticket


@BOTH
def test_a_tool_call_is_shown_as_documented(api, committed, path):
    body = ok(api.get(path.format(committed.pk), {"type": "tool_called", "limit": 1}))
    assert list(body) == ["entries", "total"]
    (entry,) = body["entries"]
    assert [key for key in entry if key in DOCUMENTED] == DOCUMENTED
    assert set(entry) == {*DOCUMENTED, "actorName"}
    uuid4(entry["id"])
    moment(entry["timestamp"])
    assert {k: v for k, v in entry.items() if k not in {"id", "timestamp"}} == {
        "ticketId": str(committed.pk),
        "type": "tool_called",
        "actor": "agent",
        "actorName": "aura",
        "action": "git_commit",
        "reasoning": "Creating commit with Redis manifests",
        "toolCall": {
            "name": "git_commit",
            "args": {"message": "Add Redis StatefulSet"},
            "result": {"sha": "abc123f"},
        },
        "tokenUsage": {"promptTokens": 450, "completionTokens": 120, "totalTokens": 570},
    }
    assert list(entry["toolCall"]) == ["name", "args", "result"]
    assert list(entry["tokenUsage"]) == ["promptTokens", "completionTokens", "totalTokens"]


def test_keys_that_do_not_apply_are_absent(api):
    (entry,) = entries(api.get(at(new_ticket(), "/audit")))
    assert set(entry) == {
        "id",
        "ticketId",
        "timestamp",
        "type",
        "actor",
        "actorName",
        "action",
        "payload",
    }


def test_a_status_change_says_from_what_to_what(api):
    entry = entries(api.get(at(planning(), "/audit"), {"type": "status_changed"}))[0]
    assert entry["stateChange"] == {"field": "status", "oldValue": "draft", "newValue": "planning"}
    assert list(entry["stateChange"]) == ["field", "oldValue", "newValue"]
    assert "toolCall" not in entry
    assert "tokenUsage" not in entry


def test_a_result_that_is_only_text_or_only_an_error_is_an_object_too(api):
    ticket = planning()
    with worker(ticket) as journal:
        done(journal, says(journal, "git_read_file", path="a"), "the text")
        failing = says(journal, "git_read_file", path="b")
        failing.state, failing.failed, failing.result = "done", True, "File not found: b"
        failing.save()
        journal.ended(failing, None, unknown=False)
    failed, read = entries(api.get(at(ticket, "/audit"), {"type": "tool_called"}))
    assert read["toolCall"]["result"] == {"text": "the text"}
    assert failed["toolCall"]["result"] == {"error": "File not found: b"}


def test_a_very_long_result_is_cut_in_the_log(api):
    ticket = planning()
    with worker(ticket) as journal:
        done(journal, says(journal, "git_read_file", path="a"), "x" * 5000)
    (entry,) = entries(api.get(at(ticket, "/audit"), {"type": "tool_called"}))
    shown = entry["toolCall"]["result"]["text"]
    assert len(shown) < 2200
    assert "5000 characters" in shown


def test_credentials_never_reach_the_log(api):
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    ticket = planning()
    with worker(ticket) as journal:
        done(journal, says(journal, "git_read_file", path="a"), f"token: {token}")
    response = api.get(at(ticket, "/audit"))
    assert "tool_called" in types(response)
    assert token not in response.content.decode()


@BOTH
def test_the_newest_entry_comes_first_and_of_one_moment_the_last_written(api, path):
    ticket = executing()
    written = [str(e.uid) for e in AuditEvent.objects.order_by("-recorded_at", "-id")]
    seen = entries(api.get(path.format(ticket.pk)))
    assert [entry["id"] for entry in seen] == written
    assert [moment(e["timestamp"]) for e in seen] == sorted(
        (moment(e["timestamp"]) for e in seen), reverse=True
    )
    assert seen[-1]["type"] == "ticket_created"


def test_the_story_of_a_ticket_is_complete_and_in_order(api):
    story = types(api.get(at(pending_approval(), "/audit")))[::-1]
    assert [t for t in story if not t.startswith("turn_")] == [
        "ticket_created",
        "status_changed",
        "approval_created",
        "plan_generated",
        "status_changed",
        "plan_approved",
        "status_changed",
        "tool_called",
        "approval_created",
        "approval_requested",
        "status_changed",
    ]


def test_a_question_is_in_the_log(api):
    (entry,) = entries(api.get(at(pending_input(), "/audit"), {"type": "question_asked"}))
    assert entry["actor"] == "agent"
    assert entry["payload"] == {"question": "Which namespace?", "options": ["data", "cache"]}


def test_a_request_for_approval_names_the_tool_and_its_arguments(api):
    ticket = pending_approval()
    (entry,) = entries(api.get(at(ticket, "/audit"), {"type": "approval_requested"}))
    assert (entry["actor"], entry["action"]) == ("agent", "git_delete_file")
    assert entry["payload"]["args"] == {"path": "redis/old.yaml"}


def test_every_specified_type_is_known():
    assert set(TYPES) >= SPECIFIED


@BOTH
def test_every_type_can_be_asked_for(api, path):
    url = path.format(new_ticket().pk)
    totals = {name: ok(api.get(url, {"type": name}))["total"] for name in TYPES}
    assert totals == dict.fromkeys(TYPES, 0) | {"ticket_created": 1}


@BOTH
def test_type_is_a_comma_separated_filter(api, path):
    ticket = pending_plan_approval()
    body = ok(api.get(path.format(ticket.pk), {"type": "ticket_created, plan_generated,,"}))
    assert [entry["type"] for entry in body["entries"]] == ["plan_generated", "ticket_created"]
    assert body["total"] == 2


def told_auditd(ticket, kind):
    post_event({"event_type": kind, "trace_id": str(ticket.pk)}, by=SYSTEM)


@BOTH
@pytest.mark.parametrize("kind", ["tool_execution", "ticket_resolved", "", "Ärger, große"])
def test_what_auditd_was_told_is_no_type_of_ours(api, path, kind):
    told_auditd(ticket := new_ticket(), kind)
    body = ok(api.get(path.format(ticket.pk)))
    assert [entry["type"] for entry in body["entries"]] == [f"posted.{kind}", "ticket_created"]


@BOTH
def test_what_auditd_was_told_can_be_asked_for_by_type(api, path):
    ticket = new_ticket()
    for kind in ("tool_execution", "other"):
        told_auditd(ticket, kind)
    url = path.format(ticket.pk)
    assert types(api.get(url, {"type": "posted.other"})) == ["posted.other"]
    both = types(api.get(url, {"type": "posted.tool_execution,ticket_created"}))
    assert both == ["posted.tool_execution", "ticket_created"]
    assert types(api.get(url, {"type": "posted.\x00"})) == []


@BOTH
@pytest.mark.parametrize("value", ["bogus", "tool_called,bogus", "TOOL_CALLED", "\x00", "posted"])
def test_an_unknown_type_is_refused(api, path, value):
    invalid(api.get(path.format(new_ticket().pk), {"type": value}), "type")


@BOTH
def test_limit_and_offset_cut_the_page_and_total_counts_everything(api, path):
    ticket = executing()
    url = path.format(ticket.pk)
    everything = entries(api.get(url))
    body = ok(api.get(url, {"limit": 2, "offset": 3}))
    assert body["entries"] == everything[3:5]
    assert body["total"] == len(everything)
    assert ok(api.get(url, {"offset": 10**9})) == {"entries": [], "total": len(everything)}


@BOTH
def test_a_hundred_entries_are_a_page_unless_another_limit_is_asked_for(api, path):
    ticket = new_ticket()
    for _ in range(100):
        record("error_occurred", actor=SYSTEM, action="x", trace_id=str(ticket.pk))
    body = ok(api.get(path.format(ticket.pk)))
    assert (len(body["entries"]), body["total"]) == (100, 101)
    assert len(entries(api.get(path.format(ticket.pk), {"limit": 1000}))) == 101


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", v) for v in ("0", "1001", "-1", "x", "", "1.5")]
    + [("offset", v) for v in ("-1", "x", "", "1000000001")],
)
def test_paging_has_bounds(api, path, name, value):
    invalid(api.get(path.format(new_ticket().pk), {name: value}), name)


def test_the_log_of_one_ticket_has_only_its_own_entries(api):
    ticket, _ = new_ticket(), new_ticket()
    assert {e["ticketId"] for e in entries(api.get(at(ticket, "/audit")))} == {str(ticket.pk)}
    assert ok(api.get("/api/audit"))["total"] == 2


def test_the_global_log_can_be_filtered_by_ticket(api):
    ticket, _ = new_ticket(), new_ticket()
    for spelt in (str(ticket.pk), f" {ticket.pk} ", str(ticket.pk).upper()):
        found = entries(api.get("/api/audit", {"ticketId": spelt}))
        assert [entry["ticketId"] for entry in found] == [str(ticket.pk)]


@pytest.mark.parametrize("value", [NOBODY, "abc123", "x" * 5000, "a\x00b", "' OR 1=1"])
def test_of_an_unknown_ticket_the_global_log_has_nothing(api, value):
    new_ticket()
    assert ok(api.get("/api/audit", {"ticketId": value})) == {"entries": [], "total": 0}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("agent", {"agent"}),
        ("user,agent", {"user", "agent"}),
        ("system", {"system"}),
        ("", {"user", "agent", "system"}),
    ],
)
def test_the_global_log_can_be_filtered_by_actor(api, value, found):
    executing()
    assert {e["actor"] for e in entries(api.get("/api/audit", {"actor": value}))} == found


@pytest.mark.parametrize("value", ["ada", "agent,robot", "AGENT"])
def test_an_unknown_actor_is_refused(api, value):
    invalid(api.get("/api/audit", {"actor": value}), "actor")


@pytest.fixture
def moments(monkeypatch):
    """Times of three entries a second apart, oldest first."""
    with connection.cursor() as cursor:  # which refuses events that are dated back
        cursor.execute("ALTER TABLE governance_auditevent DISABLE TRIGGER event_dated")
    times = [datetime(2026, 1, 15, 14, 30, second, 57_000, tzinfo=UTC) for second in range(3)]
    for time in times:
        monkeypatch.setattr("governance.audit.record.now", lambda time=time: time)
        record("error_occurred", actor=SYSTEM, action="x")
    return times


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [2, 1, 0]),
        ({"since": "2026-01-15T14:30:00.056Z"}, [2, 1, 0]),
        ({"since": "2026-01-15T14:30:00.057Z"}, [2, 1]),
        ({"until": "2026-01-15T14:30:02.057Z"}, [1, 0]),
        ({"until": "2026-01-15T14:30:02.058Z"}, [2, 1, 0]),
        ({"since": "2026-01-15T14:30:00.057Z", "until": "2026-01-15T14:30:02.057Z"}, [1]),
        ({"since": "2026-01-15T14:30:02.057Z"}, []),
        ({"since": "2026-01-15T15:30:00.057+01:00"}, [2, 1]),
        ({"since": "2026-01-15T14:30:00.057"}, [2, 1]),
        ({"since": "2026-01-15 14:30:00.057"}, [2, 1]),
        ({"since": "2026-01-16"}, []),
        ({"until": "2026-01-16"}, [2, 1, 0]),
        ({"since": "", "until": " "}, [2, 1, 0]),
        ({"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, [2, 1, 0]),
    ],
)
def test_since_and_until_are_strict(api, moments, query, found):
    seen = [moment(entry["timestamp"]) for entry in entries(api.get("/api/audit", query))]
    assert seen == [moments[n] for n in found]


def test_the_plus_of_a_zone_need_not_be_encoded(api, moments):
    found = entries(api.get("/api/audit?since=2026-01-15T15:30:00.057+01:00"))
    assert [moment(entry["timestamp"]) for entry in found] == moments[:0:-1]


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "1768487400",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-01-15T25:00:00Z",
        "2026-01-15T14:30:00+99:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "10000-01-01T00:00:00Z",
        "2026-01-15T14:30:00Z\x00",
    ],
)
def test_a_time_that_is_none_is_refused(api, name, value):
    invalid(api.get("/api/audit", {name: value}), name)


def test_an_entry_of_no_ticket_has_no_ticket_id(api):
    record("error_occurred", actor=Principal(kind=ActorKind.USER, name="ada"), action="x")
    (entry,) = entries(api.get("/api/audit"))
    assert "ticketId" not in entry
    assert (entry["actor"], entry["actorName"]) == ("user", "ada")


def test_the_log_outlives_changes_of_the_ticket(api):
    ticket = new_ticket()
    ok(api.patch(at(ticket), {"title": "New"}))
    first = entries(api.get(at(ticket, "/audit")))[-1]
    assert first["payload"]["title"] == "Deploy Redis cluster"


@BOTH
def test_a_page_costs_a_fixed_number_of_queries(api, path, django_assert_max_num_queries):
    ticket = executing()
    with django_assert_max_num_queries(3):
        ok(api.get(path.format(ticket.pk)))
