"""auditd document, Audit event endpoints: POST and GET /v1/events, outcomes, filters."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.audit.record import record
from governance.models import AuditEvent, AuditLink
from governance.types import About, ActorKind, Principal
from tests.builders import pending_approval
from tests.contract.helpdesk import Helpdesk, ok, refused
from tests.contract.wire import raw
from tests.governance.logbook import guards_off

pytestmark = pytest.mark.django_db
HASH = re.compile(r"[0-9a-f]{64}")
TOOL_EVENT: dict[str, Any] = {
    "event_id": "tool_a1b2c3d4",
    "timestamp": "2024-01-15T12:00:00.123456789Z",
    "event_type": "tool_execution",
    "trace_id": "dt_0f8fad5b-d9c",
    "parent_id": "inv_00000001",
    "action_class": "read",
    "session": {
        "id": "dbagent_12345678",
        "user_id": "ada",
        "agent_name": "postgres_database_agent",
        "started_at": "2024-01-15T11:59:00Z",
        "delegation_count": 2,
    },
    "input": {"user_query": "Check replication lag", "infrastructure_context": ["prod-db"]},
    "output": {"response": "0 ms"},
    "tool": {
        "name": "check_replication_lag",
        "agent": "postgres_database_agent",
        "parameters": {"host": "prod-db.example.com", "port": 5432},
        "raw_command": "SELECT 1",
        "result": "0 ms",
        "duration_ms": 12,
    },
    "policy_decision": {"resource_type": "database", "resource_name": "prod-db", "effect": "allow"},
    "outcome": {"status": "success", "duration_ms": 12},
    "anything_else": {"is": ["kept", 1, None]},
}


@pytest.fixture
def auditd():
    return Helpdesk()


def posted(auditd, **event):
    return ok(auditd.post("/v1/events", event))


def ids(auditd, query):
    return [event["event_id"] for event in ok(auditd.get(f"/v1/events?{query}"))]


def test_a_posted_event_is_answered_with_its_place_in_the_chain(auditd):
    first, second = posted(auditd, event_type="tool_execution"), posted(auditd)
    assert list(first) == list(second) == ["event_id", "event_hash", "prev_hash"]
    assert re.fullmatch(r"evt_[0-9a-f]{16}", first["event_id"])
    assert HASH.fullmatch(first["event_hash"])
    assert first["prev_hash"] == "0" * 64
    assert second["prev_hash"] == first["event_hash"]


def test_it_is_kept_whole_and_says_who_told_it(auditd):
    place = posted(auditd, **TOOL_EVENT)
    shown = ok(auditd.get("/v1/events/tool_a1b2c3d4"))
    assert {name: shown[name] for name in TOOL_EVENT} == TOOL_EVENT
    assert shown["event_hash"] == place["event_hash"]
    assert shown["principal"] == {"kind": "user", "name": "anonymous"}
    assert shown["recorded_at"] != shown["timestamp"]


def test_what_others_tell_says_so_and_what_we_tell_does_not(auditd):
    posted(auditd, event_id="a", event_type="approval_granted", posted=False)
    assert ok(auditd.get("/v1/events/a"))["posted"] is True
    pending_approval()
    ours = ok(auditd.get("/v1/events?event_type=approval_created"))
    assert ours
    assert not any("posted" in event for event in ours)


def test_hashes_that_a_client_sends_count_for_nothing(auditd):
    place = posted(auditd, event_id="evt_1", event_hash="f" * 64, prev_hash="e" * 64)
    shown = ok(auditd.get("/v1/events/evt_1"))
    assert (shown["event_hash"], shown["prev_hash"]) == (place["event_hash"], "0" * 64)


def test_what_is_always_there_is_there_for_an_empty_event(auditd):
    shown = ok(auditd.get(f"/v1/events/{posted(auditd)['event_id']}"))
    assert set(shown) == {
        "event_id", "event_type", "timestamp", "recorded_at", "principal", "session", "input",
        "prev_hash", "event_hash", "posted",
    }  # fmt: skip
    assert shown["input"] == {"user_query": ""}
    assert shown["session"] == {
        "id": "",
        "user_id": "anonymous",
        "started_at": None,
        "delegation_count": 0,
    }


def test_an_id_that_is_there_already_is_a_conflict_and_changes_nothing(auditd):
    posted(auditd, **TOOL_EVENT)
    text = refused(auditd.post("/v1/events", TOOL_EVENT | {"event_type": "other"}), 409)
    assert "tool_a1b2c3d4" in text
    assert AuditEvent.objects.count() == 1


def test_who_posts_cannot_put_words_into_the_products_mouth(auditd, settings):
    posted(auditd, event_type="policy_activated", tool={"name": "x"})
    assert AuditEvent.objects.get().type == "posted.policy_activated"
    assert ok(auditd.get("/v1/governance/policies"))["policy_file"] == "built-in"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "invalid JSON"),
        (b"[]", "invalid JSON"),
        (b'"x"', "invalid JSON"),
        (b'{"event_id": 5}', "event_id"),
        (b'{"event_id": "a/b"}', "event_id"),
        (b'{"event_id": "evt_1.outcome"}', "event_id"),
        (b'{"event_id": "' + b"x" * 60 + b'"}', "event_id"),
        (b'{"event_type": "' + b"x" * 60 + b'"}', "event_type"),
        (b'{"event_type": "a\\u0000"}', "event_type"),
        (b'{"trace_id": "' + b"x" * 65 + b'"}', "trace_id"),
        (b'{"timestamp": "yesterday"}', "timestamp"),
        (b'{"timestamp": "2024-13-45T00:00:00Z"}', "timestamp"),
        (b'{"session": "s"}', "session"),
        (b'{"session": {"id": 5}}', "session"),
        (b'{"session": {"id": "' + b"x" * 65 + b'"}}', "session"),
        (b'{"tool": []}', "tool"),
        (b'{"input": {"n": 1e400}}', "invalid JSON"),
        (b'{"input": {"n": NaN}}', "invalid JSON"),
        (b'{"input": {"n": ' + b"[" * 5000 + b"]" * 5000 + b"}}", "invalid JSON"),
    ],
)
def test_what_is_no_event_is_refused_in_words(auditd, body, complaint):
    answer = auditd.generic("POST", "/v1/events", body, content_type="application/json")
    assert complaint in refused(answer, 400)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "part",
    [
        {"user_query": "a\u0000b\ud800"},
        {"user_query": "x" * 100_000},
        {"n": 2**70, "deep": [[[[{"a": 1.5}]]]]},
        {"deep": json.loads("[" * 300 + "]" * 300)},
        None,
    ],
)
def test_what_is_unusual_is_an_event_all_the_same(auditd, part):
    place = ok(auditd.post("/v1/events", format=None, **raw({"input": part, "tool": None})))
    assert ok(auditd.get(f"/v1/events/{place['event_id']}"))["event_hash"] == place["event_hash"]
    assert ok(auditd.get("/v1/verify"))["valid"] is True


def test_secrets_are_not_kept(auditd):
    secret = "postgres://app:Tr0ub4dor-3x@db.example/shop"
    place = posted(auditd, tool={"name": "run_query", "parameters": {"dsn": secret}})
    assert b"Tr0ub4dor-3x" not in bytes(AuditEvent.objects.get().body)
    assert "Tr0ub4dor" not in auditd.get(f"/v1/events/{place['event_id']}").content.decode()


def test_a_secret_in_a_name_is_not_kept_either(auditd):
    secret = "ghp_" + "a1B2" * 9
    session = {"id": secret, "agent_name": secret}
    posted(auditd, trace_id=secret, session=session, tool={"name": secret, "agent": secret})
    row = AuditEvent.objects.get()
    assert secret.encode() not in bytes(row.body)
    assert secret not in f"{row.trace_id} {row.session_id} {row.agent} {row.action}"
    assert ok(auditd.get("/v1/verify"))["valid"] is True


def test_one_event_does_not_fill_an_answer(auditd):
    posted(auditd, input={"user_query": "x" * 130_000})
    refused(auditd.post("/v1/events", {"input": {"user_query": "x" * 132_000}}), 413)
    assert AuditEvent.objects.count() == 1


# --- outcomes ---


def test_an_outcome_told_later_is_shown_and_is_an_event_of_its_own(auditd):
    posted(auditd, event_id="tool_1", event_type="tool_execution", trace_id="t-1")
    body = {"status": "error", "error_message": "refused", "duration_ms": 7, "result": "none"}
    assert ok(auditd.post("/v1/events/tool_1/outcome", body)) == {
        "event_id": "tool_1",
        "status": "error",
    }
    assert ok(auditd.get("/v1/events/tool_1"))["outcome"] == body
    (_, told) = ok(auditd.get("/v1/events?trace_id=t-1"))
    assert (told["event_type"], told["parent_id"]) == ("delegation_outcome", "tool_1")
    assert told["outcome"] == body
    assert AuditLink.objects.count() == 2


def test_an_outcome_is_told_once_and_of_what_is_there(auditd):
    posted(auditd, event_id="tool_1")
    ok(auditd.post("/v1/events/tool_1/outcome", {"status": "success"}))
    refused(auditd.post("/v1/events/tool_1/outcome", {"status": "error"}), 409)
    assert ok(auditd.get("/v1/events/tool_1"))["outcome"] == {"status": "success"}
    assert refused(auditd.post("/v1/events/no/outcome", {"status": "x"}), 404) == "event not found"
    assert refused(auditd.post("/v1/events/tool_1/outcome", {}), 400) == "status is required"
    bad = {"status": "success", "duration_ms": "7"}
    assert "duration_ms" in refused(auditd.post("/v1/events/tool_1/outcome", bad), 400)


def test_what_became_of_our_own_events_nobody_else_tells(auditd):
    row = record("tool_called", actor=Principal(kind=ActorKind.AGENT, name="aura"), action="x")
    refused(auditd.post(f"/v1/events/{row.key}/outcome", {"status": "success"}), 409)


# --- reading ---


def test_without_events_the_list_is_empty_and_not_null(auditd):
    assert ok(auditd.get("/v1/events")) == []


def test_an_event_that_is_not_there_is_not_found(auditd):
    for name in ("tool_none", "f" * 32, "%00", "\u00e4"):
        assert refused(auditd.get(f"/v1/events/{name}"), 404) == "event not found"


def test_events_are_newest_first_but_those_of_a_trace_oldest_first(auditd):
    for number in range(4):
        posted(auditd, event_id=f"e{number}", trace_id=f"tr_{number % 2}")
    assert ids(auditd, "") == ["e3", "e2", "e1", "e0"]
    assert ids(auditd, "trace_id=tr_1") == ["e1", "e3"]
    assert ids(auditd, "trace_id_prefix=tr_") == ["e0", "e1", "e2", "e3"]
    assert ids(auditd, "limit=2") == ["e3", "e2"]


def test_each_filter_of_the_document_filters(auditd):
    posted(auditd, event_id="a", **_unnamed(TOOL_EVENT))
    posted(
        auditd,
        event_id="b",
        event_type="delegation_decision",
        action_class="destructive",
        session={"id": "sess_1"},
        decision={"agent": "k8s_agent"},
        outcome={"status": "error"},
        origin="gateway",
    )
    for query, found in (
        ("session_id=sess_1", ["b"]),
        ("session_id=none", []),
        ("trace_id=dt_0f8fad5b-d9c", ["a"]),
        ("event_type=tool_execution", ["a"]),
        ("event_type=delegation_decision", ["b"]),
        ("types=tool_execution,delegation_decision", ["b", "a"]),
        ("agent=postgres_database_agent", ["a"]),
        ("agent=k8s_agent", ["b"]),
        ("action_class=destructive&since=2024-01-15T00:00:00Z", ["b"]),
        ("since=2999-01-01T00:00:00Z", []),
        ("until=2024-01-15T00:00:00Z", []),
        ("tool_name=check_replication_lag", ["a"]),
        ("outcome_status=error", ["b"]),
        ("origin=gateway", ["b"]),
        ("since=nonsense", ["b", "a"]),
        ("limit=0", ["b", "a"]),
        ("limit=-1&limit=x", ["b", "a"]),
        ("agent=%00", []),
    ):
        assert ids(auditd, query) == found, query


def _unnamed(event):
    return {name: value for name, value in event.items() if name != "event_id"}


def test_since_is_inclusive_to_the_millisecond(auditd):
    posted(auditd, event_id="a")
    at = datetime.fromisoformat(ok(auditd.get("/v1/events/a"))["recorded_at"])
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert ids(auditd, f"since={moment}") == ["a"]
    later = (at + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
    assert ids(auditd, f"since={later.replace('+00:00', 'Z')}") == []


# --- events of ours, in the document's words ---


def test_what_our_own_agents_do_is_shown_in_the_documents_words(auditd):
    ticket = pending_approval()
    events = ok(auditd.get(f"/v1/events?trace_id={ticket.pk}"))
    asked = next(event for event in events if event["event_type"] == "approval_created")
    assert asked["approval"]["status"] in {"pending", "approved"}
    assert asked["approval"]["required"] is True
    assert asked["principal"]["kind"] == "agent"
    called = ok(auditd.get(f"/v1/events?trace_id={ticket.pk}&event_type=tool_execution"))
    assert called
    for event in called:
        assert event["event_type"] == "tool_execution"
        assert event["tool"]["name"] == "submit_plan"
        assert event["outcome"] == {"status": "success"}
        assert event["policy_decision"]["resource_type"] == "ticket"
        assert event["session"]["agent_name"] == "aura"


def test_an_event_of_ours_is_found_by_its_id_and_one_without_by_its_number(auditd):
    ours = Principal(kind=ActorKind.AGENT, name="aura")
    row = record("something", actor=ours, action="x", about=About(agent="aura"))
    assert ok(auditd.get(f"/v1/events/{row.key}"))["event_type"] == "something"
    guards_off()
    AuditEvent.objects.update(key=None)  # as events of an older version are
    (listed,) = ids(auditd, "")
    assert listed == row.uid.hex
    assert ok(auditd.get(f"/v1/events/{listed}"))["event_id"] == listed
