"""Requests for approval: bound to one action, decided once, used once."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from django.db import connection

from aura.kernel.errors import Forbidden
from governance import approvals
from governance.approvals import ApprovalNotFound, ApprovalNotPending
from governance.audit.record import data_of
from governance.fingerprint import fingerprint
from governance.models import Approval, AuditEvent
from governance.signals import approval_resolved
from governance.types import SYSTEM, Action, ActionClass, ActorKind, Principal, Resource

pytestmark = pytest.mark.django_db

ADA = Principal(kind=ActorKind.USER, name="ada")
AGENT = Principal(kind=ActorKind.AGENT, name="aura")
ACTION = Action(
    tool="git_delete_file",
    arguments={"path": "a.yaml"},
    action_class=ActionClass.DESTRUCTIVE,
    resource=Resource(type="file", name="a.yaml"),
    principal=AGENT,
    trace_id="t-1",
    reason="It is not used",
)
OTHER = replace(ACTION, arguments={"path": "b.yaml"})


def ask(action=ACTION):
    return approvals.request(action, policy="destructive-needs-approval")


def status_of(approval):
    return Approval.objects.get(pk=approval.pk).status


def refuse(approval_id, *, by, reason="no"):
    return approvals.deny(approval_id, by=by, reason=reason)


def told(*types):
    """The payloads of the events of these types, oldest first."""
    rows = AuditEvent.objects.filter(type__in=types).order_by("pk")
    return [data_of(event.body)["data"]["payload"] for event in rows]


def test_a_request_says_exactly_what_is_asked_for(settings):
    asked = ask()
    row = Approval.objects.values().get(pk=asked.pk)
    assert re.fullmatch(r"apr_[0-9a-f]{12}", row.pop("key"))
    waits = row.pop("expires_at") - row.pop("requested_at")
    assert waits.total_seconds() == pytest.approx(3600, abs=5)
    assert row == {
        "id": asked.pk,
        "fingerprint": fingerprint(ACTION),
        "tool_name": "git_delete_file",
        "arguments": {"path": "a.yaml"},
        "action_class": "destructive",
        "kind": "",
        "resource_type": "file",
        "resource_name": "a.yaml",
        "requested_by": "agent:aura",
        "requested_for": "",
        "agent_name": "",
        "trace_id": "t-1",
        "event_key": "",
        "context": {},
        "policy_name": "destructive-needs-approval",
        "reason": "It is not used",
        "quorum": 1,
        "approver_role": "approver",
        "four_eyes": True,
        "reason_required": False,
        "valid_minutes": None,
        "status": "pending",
        "decided_at": None,
        "decided_by": "",
        "decision_reason": "",
        "broke_glass": False,
        "valid_until": None,
        "use_by": None,
        "uses": 0,
        "consumed_at": None,
        "callback_url": "",
        "callback_sent_at": None,
    }
    (created,) = told("approval_created")
    assert created["fingerprint"] == fingerprint(ACTION)


@pytest.mark.parametrize(
    ("verb", "status", "event_type"),
    [
        (approvals.approve, "approved", "approval_granted"),
        (refuse, "denied", "approval_denied"),
    ],
)
def test_a_decision_is_kept_and_logged_with_who_and_why(verb, status, event_type):
    approval = verb(ask().pk, by=ADA, reason="because")
    assert (approval.status, approval.decided_by, approval.decision_reason) == (
        status,
        "ada",
        "because",
    )
    assert approval.decided_at is not None
    event = AuditEvent.objects.get(type=event_type)
    assert (event.type, event.actor, event.actor_name, event.trace_id, event.action) == (
        event_type,
        "user",
        "ada",
        "t-1",
        "git_delete_file",
    )
    data = data_of(event.body)["data"]
    assert data["reasoning"] == "because"
    assert {k: v for k, v in data["payload"].items() if k not in {"votes", "quorum"}} == {
        "approvalId": str(approval.pk),
        "key": approval.key,
        "fingerprint": fingerprint(ACTION),
        "tool": "git_delete_file",
        "resource": "file:a.yaml",
        "decision": status,
        "decidedBy": "ada",
    }


@pytest.mark.parametrize("second", [approvals.approve, refuse])
@pytest.mark.parametrize("first", [approvals.approve, refuse])
def test_a_request_is_decided_once(first, second):
    approval = first(ask().pk, by=ADA)
    with pytest.raises(ApprovalNotPending) as refusal:
        second(approval.pk, by=ADA)
    assert (refusal.value.code, refusal.value.status) == ("APPROVAL_NOT_PENDING", 400)
    assert status_of(approval) == approval.status
    assert len(told("approval_granted", "approval_denied")) == 1


def test_what_was_never_asked_cannot_be_decided():
    approval = ask()
    Approval.objects.all().delete()
    with pytest.raises(ApprovalNotFound):
        approvals.approve(approval.pk, by=ADA)


@pytest.mark.parametrize("verb", [approvals.approve, refuse])
def test_an_agent_never_decides(verb):
    approval = ask()
    with pytest.raises(Forbidden):
        verb(approval.pk, by=AGENT)
    assert status_of(approval) == "pending"
    assert told("approval_granted", "approval_denied", "approval_voted") == []


def test_an_approval_is_used_once():
    approval = approvals.approve(ask().pk, by=ADA)
    assert approvals.consume(approval.pk, action=ACTION)
    assert status_of(approval) == "consumed"
    assert Approval.objects.get().consumed_at is not None
    assert not approvals.consume(approval.pk, action=ACTION)


def test_an_approval_is_good_for_its_own_action_only():
    approval = approvals.approve(ask().pk, by=ADA)
    assert not approvals.consume(approval.pk, action=OTHER)
    assert status_of(approval) == "approved"


@pytest.mark.parametrize("decide", [None, refuse])
def test_without_a_yes_there_is_nothing_to_use(decide):
    approval = ask()
    if decide:
        decide(approval.pk, by=ADA)
    before = status_of(approval)
    assert not approvals.consume(approval.pk, action=ACTION)
    assert status_of(approval) == before


def test_everything_open_of_a_trace_is_withdrawn_and_nothing_else():
    pending = ask()
    approved = approvals.approve(ask(OTHER).pk, by=ADA)
    denied = refuse(ask().pk, by=ADA)
    used = approvals.approve(ask().pk, by=ADA)
    approvals.consume(used.pk, action=ACTION)
    elsewhere = ask(replace(ACTION, trace_id="t-2"))
    assert approvals.cancel_all("t-1", by=SYSTEM, reason="over") == 2
    assert [status_of(each) for each in (pending, approved, denied, used, elsewhere)] == [
        "cancelled",
        "cancelled",
        "denied",
        "consumed",
        "pending",
    ]
    assert not approvals.consume(approved.pk, action=OTHER)
    withdrawn = Approval.objects.get(pk=pending.pk)
    assert (withdrawn.decided_by, withdrawn.decision_reason) == ("system", "over")


def test_a_withdrawn_request_cannot_be_decided():
    approval = ask()
    approvals.cancel_all("t-1", by=ADA, reason="over")
    with pytest.raises(ApprovalNotPending):
        approvals.approve(approval.pk, by=ADA)


def test_who_waits_is_told_after_the_commit_and_not_before(django_capture_on_commit_callbacks):
    told = []

    def listen(**what):
        told.append((what["approval_id"], what["trace_id"]))

    approval_resolved.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            approval = approvals.approve(ask().pk, by=ADA)
            assert told == []
    finally:
        approval_resolved.disconnect(listen)
    assert told == [(approval.pk, "t-1")]


def at_once(work, count=4):
    outcomes = []

    def run():
        try:
            outcomes.append(work())
        except ApprovalNotPending:
            outcomes.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_of_many_who_decide_at_once_one_wins():
    approval = ask()
    outcomes = at_once(lambda: refuse(approval.pk, by=ADA))
    assert outcomes.count(None) == 3
    assert len(told("approval_denied")) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_an_approval_at_once_one_wins():
    approval = approvals.approve(ask().pk, by=ADA)
    outcomes = at_once(lambda: approvals.consume(approval.pk, action=ACTION))
    assert sorted(outcomes) == [False, False, False, True]
