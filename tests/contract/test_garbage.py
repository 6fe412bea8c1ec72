"""Whatever is sent to the helpdesk's ports, the answer is a refusal and never a server error, and
what was accepted breaks no page that shows it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.helpdesk import AUDITD, GATEWAY, Helpdesk, new_approval, ok

pytestmark = pytest.mark.django_db

SECBOT = "secbot"
WRONG = (
    b"null",
    b'"x"',
    b"\xff\xfe",
    b'{"x": NaN}',
    b'{"x": 1e999}',
    b'{"a":' * 5000,
    b'{"\\u0000": "\\u0000"}',
    b'{"event_type": "\\ud800"}',
)
EVENTS = (
    b'{"event_type": "x", "session": 5, "tool": 7, "decision": [], "input": "s", "outcome": 3}',
    b'{"event_type": "x", "session": {"id": {"a": []}}, "tool": {"name": [1]}}',
    b'{"event_type": "policy_decision", "policy_decision": [1], "trace_id": "t9"}',
    b'{"event_type": "delegation_decision", "decision": "x", "trace_id": "t9", "input": [1]}',
    b'{"event_type": "delegation_decision", "delegation_verification": 5, "trace_id": "t9"}',
    b'{"event_type": "tool_execution", "trace_id": "t9", "tool": [], "outcome": [], "approval": 1}',
    b'{"event_type": "tool_execution", "trace_id": "t9", "policy_decision": {"effect": {}}}',
)
REQUESTS = (
    b'{"action_class": "write", "requested_by": "x", "request_context": [1]}',
    b'{"action_class": "write", "requested_by": "x", "expires_in_minutes": 99999999999999999}',
    b'{"action_class": "write", "requested_by": "x", "expires_in_minutes": 2147483647}',
    b'{"action_class": "write", "requested_by": "x", "request_context": {"preview": {"a": [1]}}}',
)
DECISIONS = (
    b'{"approved_by": "a", "denied_by": "a", "revoked_by": "a", "valid_for_minutes": 99999999999}',
    b'{"approved_by": {"a": 1}, "denied_by": [1], "revoked_by": 7, "reason": {}}',
)
CHECKS = (
    b'{"resource_type": "a", "resource_name": "b", "action": "write", "tags": ["\\u0000"]}',
    b'{"resource_type": "a", "resource_name": "b", "action": "write", "tags": {"a": 1}}',
    b'{"resource_type": "a", "resource_name": "b", "action": "write", "row_count": 1e30}',
    b'{"resource_type": "a", "resource_name": "b", "action": {"a": 1}}',
)
ROUTES = {
    (AUDITD, "/v1/events"): EVENTS,
    (AUDITD, "/v1/events/{event}/outcome"): (b'{"status": {"a": 1}}', b'{"status": ""}'),
    (AUDITD, "/v1/approvals"): REQUESTS,
    (AUDITD, "/v1/approvals/{key}/approve"): DECISIONS,
    (AUDITD, "/v1/approvals/{key}/deny"): DECISIONS,
    (AUDITD, "/v1/approvals/{key}/cancel"): DECISIONS,
    (AUDITD, "/v1/approvals/{key}/revoke"): DECISIONS,
    (AUDITD, "/v1/governance/check"): CHECKS,
    (SECBOT, "/callback"): (b'{"incident_id": {"a": 1}}', b'{"incident_id": "x", "bundle": 7}'),
    (GATEWAY, "/api/v1/query"): (b'{"agent": [1], "message": {}}',),
    (GATEWAY, "/api/v1/incidents"): (b'{"layers": {"a": 1}}',),
    (GATEWAY, "/api/v1/db/get_locks"): (b'{"arguments": [1]}',),
    (GATEWAY, "/api/v1/k8s/get_pods"): (b'{"namespace": {"a": 1}}',),
    (GATEWAY, "/api/v1/research"): (b'{"query": {"a": 1}}',),
}
PAGES = (
    (AUDITD, "/v1/events"),
    (AUDITD, "/v1/events?tool_name=x&outcome_status=y&origin=z"),
    (AUDITD, "/v1/events?since=%00&limit=-1&trace_id=%00%ff"),
    (AUDITD, "/v1/journeys"),
    (AUDITD, "/v1/journeys?trace_id=t9"),
    (AUDITD, "/v1/journeys?since=99999999h&from=9999-99-99"),
    (AUDITD, "/v1/approvals"),
    (AUDITD, "/v1/governance/explain?resource_type=%00&resource_name=%ff&action=x"),
    (GATEWAY, "/api/v1/governance/events"),
    (GATEWAY, "/api/v1/governance"),
    (GATEWAY, "/api/v1/tasks"),
    (SECBOT, "/health"),
)


@pytest.fixture
def auditd():
    return Helpdesk(AUDITD)


@pytest.mark.parametrize(("surface", "path"), ROUTES)
def test_no_body_makes_a_server_error(auditd, surface, path):
    event = ok(auditd.post("/v1/events", {"event_type": "x"}))["event_id"]
    path_ = path.format(event=event, key=new_approval(auditd))
    for body in (*WRONG, *ROUTES[surface, path]):
        client: Any = Helpdesk(surface)
        answer = client.generic("POST", path_, body, content_type="application/json")
        assert answer.status_code < 500, body[:80]
        assert isinstance(json.loads(answer.content), dict), body[:80]


def test_what_was_accepted_breaks_no_page(auditd):
    for path, bodies in (("/v1/events", EVENTS), ("/v1/approvals", REQUESTS)):
        for body in bodies:
            auditd.generic("POST", path, body, content_type="application/json")
    for surface, page in PAGES:
        assert Helpdesk(surface).get(page).status_code < 500, page


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_is_none_is_refused_with_words(auditd, number):
    body = f'{{"event_type": "x", "n": {number}}}'.encode()
    answer = auditd.generic("POST", "/v1/events", body, content_type="application/json")
    assert answer.status_code == 400
    assert "JSON parse error" in json.loads(answer.content)["error"]
