"""auditd document, Approval endpoints: made, listed, decided, ended."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.utils.timezone import now

from governance import approvals
from governance.models import Approval, AuditEvent
from governance.types import Role
from tests.builders import pending_approval
from tests.contract.helpdesk import (
    AUDITD,
    GATEWAY,
    INVENTORY,
    POLICY,
    Helpdesk,
    asked,
    new_approval,
    ok,
    policy_in_force,
    refused,
)
from tests.contract.wire import moment
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db

KEYS = [
    "approval_id", "event_id", "trace_id", "status", "action_class", "tool_name", "agent_name",
    "resource_type", "resource_name", "requested_by", "requested_at", "request_context",
    "resolved_by", "resolved_at", "resolution_reason", "expires_at", "approval_valid_until",
    "policy_name", "approver_role", "callback_url", "callback_sent_at", "created_at", "updated_at",
]  # fmt: skip
OURS = [
    "requested_for", "fingerprint", "quorum", "four_eyes", "reason_required", "votes", "uses",
    "used_at",
]  # fmt: skip
OPS = {"approved_by": "ops-team", "reason": "Verified safe to proceed"}


@pytest.fixture
def auditd():
    return Helpdesk(AUDITD)


def at(key: str, verb: str = "") -> str:
    return f"/v1/approvals/{key}{verb}"


# --- made ---


def test_a_request_is_answered_with_its_id_and_its_end(auditd):
    answer = auditd.post("/v1/approvals", {"action_class": "write", "requested_by": "agent-x"})
    body = ok(answer, 201)
    assert list(body) == ["approval_id", "status", "expires_at"]
    assert body["approval_id"].startswith("apr_")
    assert body["status"] == "pending"
    left = moment(body["expires_at"]) - now()
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)
    assert answer["Location"] == at(body["approval_id"])


def test_it_is_shown_with_every_key_of_the_document(auditd):
    key = new_approval(auditd, policy_name="p", event_id="pol_1", approver_role="admin")
    shown = ok(auditd.get(at(key)))
    assert list(shown) == KEYS + OURS
    assert shown["approval_id"] == key
    assert shown["status"] == "pending"
    for name in ("tool_name", "agent_name", "resource_type", "resource_name", "trace_id"):
        assert shown[name] == asked()[name]
    assert shown["requested_by"] == "postgres_database_agent"
    assert shown["request_context"] == {"table": "orders"}
    assert (shown["policy_name"], shown["event_id"]) == ("p", "pol_1")
    assert shown["approver_role"] == "admin"
    for unset in ("resolved_at", "approval_valid_until", "callback_sent_at", "used_at"):
        assert shown[unset] is None


@pytest.mark.parametrize(
    ("minutes", "lasts"), [(5, 5), (0, 60), (-3, 60), (None, 60), (5.0, 5), (527_040, 527_040)]
)
def test_it_ends_when_it_says_and_after_an_hour_when_it_does_not(auditd, minutes, lasts):
    key = new_approval(auditd, expires_in_minutes=minutes)
    row = Approval.objects.get(key=key)
    assert (row.expires_at - row.requested_at).total_seconds() == pytest.approx(lasts * 60, abs=2)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"action_class": None}, "action_class is required"),
        ({"action_class": "drop"}, "action_class must be one of read, write, destructive"),
        ({"requested_by": None}, "requested_by is required"),
        ({"requested_by": " "}, "requested_by is required"),
        ({"approver_role": "king"}, "approver_role must be one of"),
        ({"expires_in_minutes": "5"}, "expires_in_minutes"),
        ({"expires_in_minutes": True}, "expires_in_minutes"),
        ({"expires_in_minutes": 10**12}, "expires_in_minutes"),
        ({"tool_name": "x" * 101}, "tool_name"),
        ({"trace_id": 5}, "trace_id"),
        ({"request_context": []}, "request_context"),
        ({"callback_url": "http://127.0.0.1/x"}, "Only https"),
        ({"callback_url": "https://169.254.169.254/x"}, "not a public address"),
    ],
)
def test_a_bad_request_is_refused_in_words(auditd, fields, complaint):
    assert complaint in refused(auditd.post("/v1/approvals", asked(**fields)), 400)
    assert not Approval.objects.exists()


def test_what_is_no_json_object_is_refused(auditd):
    for body in (b"", b"{", b"[]"):
        answer = auditd.generic("POST", "/v1/approvals", body, content_type="application/json")
        text = refused(answer, 400)
        assert "invalid JSON" in text or "is required" in text
    answer = auditd.generic("POST", "/v1/approvals", b"a=b", content_type="text/plain")
    refused(answer, 415)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"n": "a\\u0000b", "\\ud800": [1e300, 12345678901234567890123]}', 201),
        ('{"n": 1e400}', 400),
        ('{"n": ' + "[" * 600 + "]" * 600 + "}", 400),
    ],
)
def test_whatever_its_context_holds_a_request_is_kept_or_refused(auditd, text, status):
    head = json.dumps({"action_class": "write", "requested_by": "x"}).rstrip("}")
    body = f'{head}, "request_context": {text}}}'
    answer = auditd.generic("POST", "/v1/approvals", body, content_type="application/json")
    if status == 400:
        assert re.search("request_context|number is out of range", refused(answer, 400))
    else:
        key = ok(answer, 201)["approval_id"]
        assert ok(auditd.get(at(key)))["request_context"]["n"] == "a\ufffdb"


def test_a_secret_in_it_is_not_shown(auditd):
    key = new_approval(auditd, request_context={"dsn": "postgres://app:Tr0ub4dor-3x@db/shop"})
    assert b"Tr0ub4dor" not in auditd.get(at(key)).content


def test_a_secret_in_names_reasons_and_urls_is_not_shown(auditd, settings):
    listed = {"outbound_allow": (ip_network("192.0.2.0/24"),)}
    settings.AURA = settings.AURA.model_copy(update=listed)
    secret = "ghp_" + "a1B2" * 9
    texts = dict.fromkeys(("tool_name", "agent_name", "trace_id", "policy_name"), secret)
    key = new_approval(
        auditd,
        resource_name="postgres://app:Tr0ub4dor-3x@db/shop",
        callback_url=f"http://192.0.2.7/hook?token={secret}",
        **texts,
    )
    answer = auditd.post(at(key, "/deny"), {"denied_by": "ops", "reason": f"its token={secret}"})
    for shown in (answer, auditd.get(at(key)), auditd.get("/v1/approvals")):
        assert b"apr_" in shown.content
        assert secret.encode() not in shown.content
        assert b"Tr0ub4dor" not in shown.content


def test_one_request_does_not_fill_an_answer(auditd):
    new_approval(auditd, request_context={"a": "x" * 130_000})
    refused(auditd.post("/v1/approvals", asked(request_context={"a": "x" * 132_000})), 413)
    assert Approval.objects.count() == 1


def test_a_request_that_names_no_purpose_takes_as_many_people(auditd, settings, tmp_path):
    path = tmp_path / "infra.json"
    path.write_text(json.dumps(INVENTORY))
    settings.AURA = settings.AURA.model_copy(update={"infra_config": path})
    limited = "          allowed_purposes: [maintenance]\n          reason_required: true\n"
    policy_in_force(POLICY + limited)
    shown = ok(auditd.get(at(new_approval(auditd))))
    assert (shown["quorum"], shown["reason_required"]) == (2, True)


def test_a_callback_to_an_allowed_host_is_kept(auditd, settings):
    allowed = {"outbound_allow": (ip_network("127.0.0.0/8"),)}
    settings.AURA = settings.AURA.model_copy(update=allowed)
    key = new_approval(auditd, callback_url="http://127.0.0.1:9/x")
    assert ok(auditd.get(at(key)))["callback_url"] == "http://127.0.0.1:9/x"


def test_the_trace_of_the_request_is_that_of_the_header_where_the_body_names_none(auditd):
    body = asked(trace_id="")
    key = ok(auditd.post("/v1/approvals", body, HTTP_X_TRACE_ID="tr_pinned"), 201)["approval_id"]
    assert ok(auditd.get(at(key)))["trace_id"] == "tr_pinned"
    assert {e.trace_id for e in AuditEvent.objects.filter(type__startswith="approval")} == {
        "tr_pinned"
    }


# --- listed ---


@pytest.mark.parametrize(
    ("surface", "path"), [(AUDITD, "/v1/approvals"), (GATEWAY, "/api/v1/governance/approvals")]
)
def test_requests_are_listed_newest_first_and_filtered(auditd, surface, path):
    assert ok(Helpdesk(surface).get(path)) == []
    first = new_approval(auditd, requested_by="ada", agent_name="a", trace_id="t-1")
    second = new_approval(auditd, requested_by="bob", agent_name="b", trace_id="t-2")
    ok(auditd.post(at(second, "/approve"), OPS))

    def found(query: str) -> list[str]:
        return [each["approval_id"] for each in ok(Helpdesk(surface).get(f"{path}{query}"))]

    assert found("") == [second, first]
    assert found("?limit=1") == [second]
    assert found("?limit=x") == [second, first]
    assert found("?status=pending") == found("/pending") == [first]
    assert found("?status=approved") == [second]
    assert found("?status=denied") == found("?status=nonsense") == []
    assert found("?agent=a") == found("?trace_id=t-1") == found("?requested_by=ada") == [first]
    assert found("?requested_by=bob&status=pending") == []


def test_requests_of_our_own_agents_are_listed_too(auditd):
    ticket = pending_approval()
    (waits, _) = ok(auditd.get(f"/v1/approvals?trace_id={ticket.pk}"))
    assert waits["tool_name"] == "git_delete_file"
    assert waits["requested_by"] == "aura"
    assert waits["request_context"] == {"path": "redis/old.yaml"}


def test_many_requests_are_listed_with_few_queries(auditd, django_assert_max_num_queries):
    for _ in range(5):
        new_approval(auditd)
    with django_assert_max_num_queries(3):
        assert len(ok(auditd.get("/v1/approvals"))) == 5


@pytest.mark.parametrize("verb", ["", "/approve", "/deny", "/cancel", "/revoke"])
def test_what_is_not_there_is_not_found(auditd, verb):
    body = {"approved_by": "a", "denied_by": "a", "revoked_by": "a", "reason": "r"}
    answer = auditd.post(at("apr_none", verb), body) if verb else auditd.get(at("apr_none"))
    assert refused(answer, 404) == "approval not found"


# --- decided ---


def test_an_approved_request_comes_back_whole(auditd):
    key = new_approval(auditd)
    shown = ok(auditd.post(at(key, "/approve"), OPS))
    assert list(shown) == KEYS + OURS
    assert shown["status"] == "approved"
    assert shown["resolved_by"] == "ops-team"
    assert shown["resolution_reason"] == "Verified safe to proceed"
    assert abs(moment(shown["resolved_at"]) - now()) < timedelta(minutes=1)
    assert [vote["voter"] for vote in shown["votes"]] == ["ops-team"]
    assert ok(auditd.get(at(key))) == shown


def test_an_approval_is_good_for_as_long_as_it_says(auditd):
    key = new_approval(auditd)
    shown = ok(auditd.post(at(key, "/approve"), OPS | {"valid_for_minutes": 30}))
    lasts = moment(shown["approval_valid_until"]) - moment(shown["resolved_at"])
    assert lasts == timedelta(minutes=30)


def test_one_that_was_used_up_is_still_shown_as_approved(auditd):
    key = new_approval(auditd)
    ok(auditd.post(at(key, "/approve"), OPS))
    Approval.objects.filter(key=key).update(status="consumed", uses=1, consumed_at=now())
    shown = ok(auditd.get(at(key)))
    assert (shown["status"], shown["uses"]) == ("approved", 1)
    assert shown["used_at"]
    assert [each["approval_id"] for each in ok(auditd.get("/v1/approvals?status=approved"))] == [
        key
    ]


def test_a_denied_request_comes_back_whole_with_or_without_a_reason(auditd):
    for reason in ({"reason": "Use the read-only report instead"}, {}):
        key = new_approval(auditd)
        shown = ok(auditd.post(at(key, "/deny"), {"denied_by": "ops-team"} | reason))
        assert (shown["status"], shown["resolved_by"]) == ("denied", "ops-team")
        assert shown["resolution_reason"] == reason.get("reason", "no reason given")


def test_a_cancelled_request_says_so_and_by_whom(auditd):
    for body, who in (
        ({"cancelled_by": "agent", "reason": "timed out"}, "agent"),
        (None, "system"),
    ):
        shown = ok(auditd.post(at(new_approval(auditd), "/cancel"), body))
        assert (shown["status"], shown["resolved_by"]) == ("cancelled", who)


def test_an_approval_is_taken_back_until_it_is_used(auditd):
    key = new_approval(auditd)
    refused(auditd.post(at(key, "/revoke"), {"revoked_by": "bob", "reason": "r"}), 409)
    ok(auditd.post(at(key, "/approve"), OPS))
    assert "Say why" in refused(auditd.post(at(key, "/revoke"), {"revoked_by": "bob"}), 400)
    shown = ok(auditd.post(at(key, "/revoke"), {"revoked_by": "bob", "reason": "wrong table"}))
    assert (shown["status"], shown["resolved_by"]) == ("revoked", "bob")


@pytest.mark.parametrize(
    ("verb", "field"),
    [("/approve", "approved_by"), ("/deny", "denied_by"), ("/revoke", "revoked_by")],
)
def test_without_a_name_nobody_decides(auditd, verb, field):
    key = new_approval(auditd)
    for body in ({}, {field: ""}, {field: None}):
        assert refused(auditd.post(at(key, verb), body), 400) == f"{field} is required"


@pytest.mark.parametrize("verb", ["/approve", "/deny", "/cancel"])
def test_what_is_decided_stays_so(auditd, verb):
    key = new_approval(auditd)
    ok(auditd.post(at(key, "/deny"), {"denied_by": "bob"}))
    body = {"approved_by": "eve", "denied_by": "eve"}
    text = refused(auditd.post(at(key, verb), body), 409)
    assert text.startswith(f"approval {key} not found or not pending")
    assert ok(auditd.get(at(key)))["resolved_by"] == "bob"


def test_what_was_not_read_is_not_approved(auditd):
    key = new_approval(auditd)
    other = OPS | {"fingerprint": "0" * 64}
    refused(auditd.post(at(key, "/approve"), other), 409)
    read = OPS | {"fingerprint": ok(auditd.get(at(key)))["fingerprint"]}
    ok(auditd.post(at(key, "/approve"), read))


@pytest.mark.parametrize("minutes", ["5", -1, 10**9, True])
def test_a_bad_window_is_refused(auditd, minutes):
    body = OPS | {"valid_for_minutes": minutes}
    assert "valid_for_minutes" in refused(
        auditd.post(at(new_approval(auditd), "/approve"), body), 400
    )


def test_who_asked_does_not_approve(auditd):
    key = new_approval(auditd, requested_by="ada")
    for name in ("ada", "ADA", " ada "):
        refused(auditd.post(at(key, "/approve"), {"approved_by": name}), 403)
    assert ok(auditd.get(at(key)))["status"] == "pending"
    ok(auditd.post(at(key, "/approve"), {"approved_by": "bob"}))


# --- with authentication ---


@pytest.fixture
def people(login_required: Any) -> dict[str, dict[str, Any]]:
    del login_required
    return {
        name: headers_of(person(name, role))
        for name, role in (
            ("vera", Role.VIEWER),
            ("olga", Role.OPERATOR),
            ("ada", Role.APPROVER),
            ("bob", Role.APPROVER),
        )
    }


def test_who_decides_is_told_by_the_credential_and_never_by_the_body(auditd, people):
    key = ok(auditd.post("/v1/approvals", asked(), **people["olga"]), 201)["approval_id"]
    body = {"approved_by": "ops-team", "reason": "fine"}
    shown = ok(auditd.post(at(key, "/approve"), body, **people["ada"]))
    assert (shown["resolved_by"], shown["requested_by"]) == ("ada", "olga")
    assert [vote["voter"] for vote in shown["votes"]] == ["ada"]
    event = AuditEvent.objects.get(type="approval_granted")
    assert event.actor_name == "ada"
    assert b'"roles":["approver"]' in bytes(event.body)
    assert not AuditEvent.objects.filter(actor_name="ops-team").exists()


def test_the_name_that_a_client_gives_itself_is_kept_as_its_agents(auditd, people):
    body = {"action_class": "write", "requested_by": "agent-x"}
    key = ok(auditd.post("/v1/approvals", body, **people["olga"]), 201)["approval_id"]
    shown = ok(auditd.get(at(key), **people["olga"]))
    assert (shown["requested_by"], shown["agent_name"]) == ("olga", "agent-x")


def test_no_name_is_needed_where_the_credential_says_it(auditd, people):
    key = ok(auditd.post("/v1/approvals", asked(), **people["olga"]), 201)["approval_id"]
    assert ok(auditd.post(at(key, "/deny"), {}, **people["bob"]))["resolved_by"] == "bob"


def test_an_agents_own_credential_does_not_release_what_it_asked_for(auditd, people):
    key = ok(auditd.post("/v1/approvals", asked(), **people["ada"]), 201)["approval_id"]
    refused(auditd.post(at(key, "/approve"), OPS, **people["ada"]), 403)
    ok(auditd.post(at(key, "/approve"), OPS, **people["bob"]))


def test_only_approvers_decide_and_only_operators_ask(auditd, people):
    refused(auditd.post("/v1/approvals", asked(), **people["vera"]), 403)
    key = ok(auditd.post("/v1/approvals", asked(), **people["olga"]), 201)["approval_id"]
    for name in ("vera", "olga"):
        assert "role approver" in refused(
            auditd.post(at(key, "/approve"), OPS, **people[name]), 403
        )
        ok(auditd.get(at(key), **people[name]))
    refused(auditd.post(at(key, "/cancel"), {}, **people["vera"]), 403)
    refused(auditd.post(at(key, "/approve"), OPS), 401)
    assert Approval.objects.get(key=key).status == "pending"
    told = AuditEvent.objects.filter(type="permission_refused")
    assert {event.actor_name for event in told} == {"vera", "olga"}


def test_a_request_that_has_expired_is_not_decided(auditd):
    key = new_approval(auditd)
    Approval.objects.filter(key=key).update(expires_at=now() - timedelta(seconds=1))
    refused(auditd.post(at(key, "/approve"), OPS), 409)
    approvals.expire_due()
    shown = ok(auditd.get(at(key)))
    assert shown["status"] == "expired"
    assert moment(shown["resolved_at"]) < now()


def test_another_operator_does_not_cancel_what_somebody_asked_for(auditd, people):
    people["otto"] = headers_of(person("otto", Role.OPERATOR))
    people["root"] = headers_of(person("root", Role.ADMIN))
    for name, status in (("otto", 403), ("olga", 200), ("ada", 200), ("root", 200)):
        key = ok(auditd.post("/v1/approvals", asked(), **people["olga"]), 201)["approval_id"]
        answer = auditd.post(at(key, "/cancel"), {"cancelled_by": "olga"}, **people[name])
        assert answer.status_code == status, name
        shown = "pending" if status == 403 else "cancelled"
        assert Approval.objects.get(key=key).status == shown
    key = ok(auditd.post("/v1/approvals", asked(), **people["olga"]), 201)["approval_id"]
    said = refused(auditd.post(at(key, "/cancel"), {}, **people["otto"]), 403)
    assert "otto did not ask for this" in said


def test_another_operator_does_not_tell_the_outcome_of_an_event(auditd, people):
    people["otto"] = headers_of(person("otto", Role.OPERATOR))
    people["root"] = headers_of(person("root", Role.ADMIN))
    for name, status in (("otto", 403), ("ada", 403), ("olga", 200), ("root", 200)):
        told = ok(auditd.post("/v1/events", {"event_type": "x"}, **people["olga"]))
        outcome = auditd.post(
            f"/v1/events/{told['event_id']}/outcome", {"status": "success"}, **people[name]
        )
        assert outcome.status_code == status, name


def test_what_no_rule_decides_takes_one_other_person(auditd, settings):
    config = settings.AURA
    for default in ("deny", "require_approval"):
        settings.AURA = config.model_copy(update={"default_policy": default})
        body = asked(resource_type="spaceship", action_class="destructive")
        key = ok(auditd.post("/v1/approvals", body), 201)["approval_id"]
        shown = ok(auditd.get(at(key)))
        terms = {n: shown[n] for n in ("quorum", "approver_role", "four_eyes", "reason_required")}
        assert terms == {
            "quorum": 1,
            "approver_role": "approver",
            "four_eyes": True,
            "reason_required": False,
        }
