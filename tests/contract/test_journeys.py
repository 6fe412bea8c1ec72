"""GET /v1/journeys: what happened in a trace, in one line."""

from __future__ import annotations

import pytest

from tests.builders import pending_approval
from tests.contract.helpdesk import AUDITD, GATEWAY, Helpdesk, ok

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditd():
    return Helpdesk(AUDITD)


def journey(auditd, trace, *events, user="ada", category="database"):
    """Post a request of a person and what followed from it."""
    anchor = {
        "event_type": "delegation_decision",
        "session": {"id": "s", "user_id": user},
        "input": {"user_query": f"question of {trace}"},
        "decision": {
            "agent": "postgres_database_agent",
            "request_category": category,
            "user_intent": "look",
        },
    }
    for event in (anchor, *events):
        ok(auditd.post("/v1/events", event | {"trace_id": trace}))


def ran(tool, status="success", agent="postgres_database_agent"):
    return {
        "event_type": "tool_execution",
        "tool": {"name": tool, "agent": agent},
        "outcome": {"status": status},
    }


def decided(effect):
    return {"event_type": "policy_decision", "policy_decision": {"effect": effect}}


def traces(auditd, query=""):
    return [each["trace_id"] for each in ok(auditd.get(f"/v1/journeys{query}"))]


@pytest.mark.parametrize(
    ("surface", "path"), [(AUDITD, "/v1/journeys"), (GATEWAY, "/api/v1/governance/journeys")]
)
def test_a_journey_tells_who_asked_what_and_what_came_of_it(auditd, surface, path):
    assert ok(Helpdesk(surface).get(path)) == []
    journey(auditd, "t-1", ran("get_locks"), ran("get_locks"), {"event_type": "tool_retry"})
    (told,) = ok(Helpdesk(surface).get(path))
    assert told.pop("started_at") <= told.pop("ended_at")
    assert told.pop("duration_ms") >= 0
    assert told == {
        "trace_id": "t-1",
        "user_id": "ada",
        "user_query": "question of t-1",
        "agent": "postgres_database_agent",
        "category": "database",
        "delegations": [{"intent": "look", "tools": ["get_locks"]}],
        "tools_used": ["get_locks"],
        "outcome": "success",
        "event_count": 4,
        "retry_count": 1,
    }


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], None),
        ([ran("a")], "success"),
        ([ran("a"), decided("require_approval")], "success"),
        ([ran("a") | {"policy_decision": {"effect": "require_approval"}}], "approved"),
        ([ran("a"), decided("deny")], "denied"),
        ([ran("a"), decided("deny"), ran("b", "error")], "error"),
        (
            [
                ran("b", "error"),
                {"event_type": "x", "delegation_verification": {"mismatch": True}},
            ],
            "unverified_claim",
        ),
        ([{"event_type": "verification_outcome", "outcome": {"status": "verified_failed"}}],
         "verified_failed"),
    ],
)  # fmt: skip
def test_the_gravest_thing_is_the_outcome(auditd, events, outcome):
    journey(auditd, "t-1", *events)
    (told,) = ok(auditd.get("/v1/journeys"))
    assert told.get("outcome") == outcome


def test_filters_count_before_the_limit(auditd):
    for number in range(6):
        journey(
            auditd,
            f"t-{number}",
            ran("a", "error" if number == 0 else "success"),
            user="ada" if number < 2 else "bob",
            category="kubernetes" if number == 1 else "database",
        )
    assert traces(auditd) == [f"t-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert traces(auditd, "?limit=2") == ["t-5", "t-4"]
    assert traces(auditd, "?limit=1&user=ada") == ["t-1"]
    assert traces(auditd, "?limit=1&outcome=error") == ["t-0"]
    assert traces(auditd, "?limit=1&category=kubernetes") == ["t-1"]
    assert traces(auditd, "?has_retries=true") == []
    assert traces(auditd, "?trace_id=t-3") == ["t-3"]
    assert traces(auditd, "?since=1h") == traces(auditd)
    assert traces(auditd, "?until=2020-01-01T00:00:00Z") == []
    assert traces(auditd, "?from=2999-01-01T00:00:00Z") == []


def test_a_request_that_only_ran_one_tool_begins_no_journey(auditd):
    tool = {"event_type": "gateway_request", "trace_id": "t-1", "tool": {"name": "get_locks"}}
    ok(auditd.post("/v1/events", tool))
    ok(auditd.post("/v1/events", {"event_type": "gateway_request", "trace_id": "t-2"}))
    assert traces(auditd) == ["t-2"]


def test_what_others_tell_of_the_wrong_type_hides_no_journey(auditd):
    journey(auditd, "t-1", ran("get_locks"))
    odd = ({"x": [1]}, [1], 7)
    for value in odd:
        anchor = {"agent": value, "request_category": value, "user_intent": value}
        event = {
            "trace_id": "t-2",
            "session": {"user_id": value},
            "input": {"user_query": value},
            "tool": {"name": value, "agent": value},
            "outcome": {"status": value},
            "policy_decision": {"effect": value},
            "approval": {"status": value},
            "delegation_verification": {"mismatch": value},
        }
        ok(
            auditd.post(
                "/v1/events", event | {"event_type": "delegation_decision", "decision": anchor}
            )
        )
        ok(auditd.post("/v1/events", event | {"event_type": "tool_execution"}))
    assert traces(auditd) == ["t-2", "t-1"]
    (told,) = ok(auditd.get("/v1/journeys?trace_id=t-2"))
    assert (told["tools_used"], told["event_count"]) == ([], 2 * len(odd))


def test_the_journey_of_a_ticket_is_there_when_it_is_asked_for(auditd):
    ticket = pending_approval()
    (told,) = ok(auditd.get(f"/v1/journeys?trace_id={ticket.pk}"))
    assert told["tools_used"] == ["submit_plan"]


def test_many_journeys_take_few_queries(auditd, django_assert_max_num_queries):
    for number in range(5):
        journey(auditd, f"t-{number}", ran("a"))
    with django_assert_max_num_queries(8):
        assert len(traces(auditd)) == 5
