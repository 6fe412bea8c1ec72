"""A page of the largest things that may be sent takes the server a few megabytes, not a hundred."""

from __future__ import annotations

import pytest

from governance import approvals
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.helpdesk import listing
from governance.helpdesk.posting import BYTES_MOST
from governance.types import SYSTEM, Action, ActionClass, Resource
from tests.contract.helpdesk import Helpdesk

pytestmark = pytest.mark.django_db

LARGE = "x" * (BYTES_MOST - 2000)
MANY = 12
ROOM = MANY // 2 * BYTES_MOST


@pytest.fixture
def auditd(monkeypatch):
    monkeypatch.setattr(listing, "BYTES_MOST", ROOM)
    return Helpdesk()


def large_events(kind="posted.delegation_decision"):
    for number in range(MANY):
        told = {"trace_id": f"tr_{number}", "input": {"user_query": LARGE}, "n": number}
        record(kind, actor=SYSTEM, action="a", trace_id=f"tr_{number}", data={"event": told})
    sequence()


def large_requests():
    for number in range(MANY):
        action = Action(
            tool="t",
            arguments={"text": LARGE},
            action_class=ActionClass.WRITE,
            resource=Resource(type="database", name=str(number)),
            principal=SYSTEM,
            trace_id="t",
        )
        approvals.request(action, policy="p", context={"text": LARGE})


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("/v1/events?limit=1000", large_events),
        ("/v1/events?limit=1000&origin=", large_events),
        ("/v1/approvals?limit=1000", large_requests),
        ("/v1/approvals/pending?limit=1000", large_requests),
        ("/v1/journeys?limit=1000", large_events),
    ],
)
def test_a_page_ends_where_the_budget_does_and_says_so(auditd, path, made):
    made()
    answer = auditd.get(path)
    assert answer.status_code == 200
    assert len(answer.content) <= ROOM + 1000 * MANY
    assert 3 <= len(answer.json()) < MANY
    assert answer["X-Truncated"] == "true"


@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("/v1/events", large_events),
        ("/v1/approvals", large_requests),
        ("/v1/journeys", large_events),
    ],
)
def test_one_is_shown_however_large_and_a_whole_page_says_nothing(auditd, monkeypatch, path, made):
    made()
    assert "X-Truncated" not in auditd.get(f"{path}?limit=2")
    monkeypatch.setattr(listing, "BYTES_MOST", 10)
    answer = auditd.get(path)
    assert (len(answer.json()), answer["X-Truncated"]) == (1, "true")


def test_small_ones_are_all_there(auditd):
    for number in range(250):
        record("something_happened", actor=SYSTEM, action=str(number))
    sequence()
    answer = auditd.get("/v1/events?limit=1000")
    told = answer.json()
    assert len(told) == 250
    assert len({event["event_id"] for event in told}) == 250
    assert "X-Truncated" not in answer
