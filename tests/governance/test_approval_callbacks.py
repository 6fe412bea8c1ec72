"""The end of a request, told to the URL it came with."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from ipaddress import ip_network

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from standardwebhooks import Webhook, WebhookVerificationError

from aura.kernel.deliveries import MOST_ATTEMPTS
from aura.kernel.outbound import NotAllowed
from governance import approvals
from governance.approvals import callbacks
from governance.models import Approval, ApprovalCallback
from tests.governance.asking import ACTION, ADA
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings, monkeypatch):
    networks = (ip_network("127.0.0.1/32"),)
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": networks})
    monkeypatch.setattr(callbacks.hands, "wake", lambda: None)


def ask(url, **terms):
    return approvals.request(ACTION, policy="p", callback_url=url, **terms)


def secret():
    out = StringIO()
    call_command("callback_secret", stdout=out)
    return out.getvalue().strip()


def verified(got):
    return Webhook(secret()).verify(got.body, got.headers)


def expired(approval):
    Approval.objects.filter(pk=approval.pk).update(expires_at=Now() - timedelta(seconds=1))
    approvals.expire_due()


ENDS = {
    "approved": lambda a: approvals.approve(a.pk, by=ADA, reason="fine"),
    "denied": lambda a: approvals.deny(a.pk, by=ADA, reason="fine"),
    "cancelled": lambda a: approvals.cancel(a.pk, by=ADA, reason="fine"),
    "expired": expired,
}


@pytest.mark.parametrize("status", ENDS)
def test_every_end_is_told_once_signed_and_stamped(status):
    with receiving() as receiver:
        approval = ask(receiver.url())
        ENDS[status](approval)
        callbacks.pump()
        callbacks.pump()
    (got,) = receiver.got
    body = verified(got)
    assert (body["approval_id"], body["status"]) == (approval.key, status)
    assert list(body) == [
        "approval_id",
        "status",
        "resolved_by",
        "resolved_at",
        "resolution_reason",
    ]
    assert body["resolved_by"] == ("system" if status == "expired" else "ada")
    assert got.headers["webhook-id"] == f"{approval.key}-{status}"
    approval.refresh_from_db()
    assert approval.callback_sent_at is not None


def test_taking_an_approval_back_is_told_too_and_until_when_it_would_have_held():
    with receiving() as receiver:
        approval = ask(receiver.url())
        approvals.approve(approval.pk, by=ADA, valid_for=timedelta(minutes=5))
        approvals.revoke(approval.pk, by=ADA, reason="a freeze")
        callbacks.pump()
    bodies = [verified(got) for got in receiver.got]
    assert [body["status"] for body in bodies] == ["approved", "revoked"]
    assert "valid_until" in bodies[0]


def test_a_vote_that_decides_nothing_is_not_told():
    with receiving() as receiver:
        approvals.approve(ask(receiver.url(), quorum=2).pk, by=ADA)
        callbacks.pump()
    assert receiver.got == []


def test_what_is_refused_is_sent_again_and_in_the_end_given_up():
    with receiving(answer(500, b"later"), answer(200)) as receiver:
        approvals.approve(ask(receiver.url()).pk, by=ADA)
        callbacks.pump()
        row = ApprovalCallback.objects.get()
        assert (row.status_code, row.sent_at, row.error) == (500, None, "later")
        assert row.next_at is not None
        callbacks.pump()
        assert len(receiver.got) == 1, "not before its time"
        ApprovalCallback.objects.update(next_at=Now())
        callbacks.pump()
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len(receiver.got) == 2
    assert ApprovalCallback.objects.get().sent_at is not None


@pytest.mark.parametrize(("status", "attempts"), [(410, 0), (500, MOST_ATTEMPTS - 1)])
def test_who_is_gone_or_never_answers_is_given_up(status, attempts):
    with receiving(answer(status)) as receiver:
        approvals.approve(ask(receiver.url()).pk, by=ADA)
        ApprovalCallback.objects.update(attempts=attempts)
        callbacks.pump()
    row = ApprovalCallback.objects.get()
    assert (row.next_at, row.sent_at) == (None, None)
    assert not callbacks.due().exists()


def test_a_worker_that_dies_in_the_middle_leaves_it_due_again():
    with receiving() as receiver:
        approvals.approve(ask(receiver.url()).pk, by=ADA)
        assert callbacks._claim() is not None
        assert callbacks._claim() is None
        ApprovalCallback.objects.update(next_at=Now())
        callbacks.pump()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://10.0.0.1/",
        "https://localhost.example:22/",
        "file:///etc/passwd",
        "https://user@example.com/",
    ],
)
def test_a_url_inside_or_of_another_kind_is_not_taken(url):
    with pytest.raises(NotAllowed):
        ask(url)
    assert not Approval.objects.exists()


def test_a_url_that_was_allowed_once_is_checked_again_when_it_is_sent(settings):
    with receiving() as receiver:
        approvals.approve(ask(receiver.url()).pk, by=ADA)
        settings.AURA = settings.AURA.model_copy(update={"outbound_allow": ()})
        callbacks.pump()
        assert receiver.got == []
    assert "https" in ApprovalCallback.objects.get().error


def test_a_forged_callback_does_not_verify(settings):
    with receiving() as receiver:
        approvals.deny(ask(receiver.url()).pk, by=ADA, reason="no")
        callbacks.pump()
    (got,) = receiver.got
    forged = json.dumps(json.loads(got.body) | {"status": "approved"}).encode()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret()).verify(forged, got.headers)


def test_after_a_rotation_of_the_secret_key_both_secrets_sign(settings):
    old = secret()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key"
    with receiving() as receiver:
        approvals.approve(ask(receiver.url()).pk, by=ADA)
        callbacks.pump()
    (got,) = receiver.got
    assert secret() != old
    assert verified(got) == Webhook(old).verify(got.body, got.headers)
