"""New requests and their ends are told to a webhook and by mail, where these are set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from ipaddress import ip_network

import pytest
from django.db.models.functions import Now
from standardwebhooks import Webhook

from governance import approvals
from governance.approvals import callbacks, notices
from governance.helpdesk import status
from governance.models import Approval, ApprovalCallback, ApprovalStatus, Notice
from governance.notices import sending
from tests.governance.asking import ACTION, ADA
from tests.stubs import mailbox as mail
from tests.stubs.mailbox import Mailbox
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def configured(settings, monkeypatch):
    """Set settings of ours; loopback may be reached."""
    monkeypatch.setattr(callbacks.hands, "wake", lambda: None)

    def configure(**named):
        networks = (ip_network("127.0.0.1/32"),)
        update = {"outbound_allow": networks, "public_url": "https://aura.example.com", **named}
        settings.AURA = settings.AURA.model_copy(update=update)

    return configure


@pytest.fixture
def mailbox(configured) -> Iterator[Mailbox]:
    with mail.mailbox() as server:
        configured(
            email_to=("ops@example.com", "dba@example.com"),
            email_from="aura@example.com",
            smtp_host="127.0.0.1",
            smtp_port=server.port,
        )
        yield server


def ask(**terms):
    return approvals.request(ACTION, policy="p", **terms)


def test_a_new_request_and_its_end_are_told_to_the_webhook_signed(configured):
    with receiving() as receiver:
        configured(approval_webhook=receiver.url())
        approval = ask()
        callbacks.pump()
        approvals.approve(approval.pk, by=ADA, reason="fine")
        callbacks.pump()
        callbacks.pump()
    verifier = Webhook(callbacks.secrets()[0])
    new, end = (verifier.verify(got.body, got.headers) for got in receiver.got)
    assert (new["event_type"], new["status"]) == ("approval_created", "pending")
    assert new["approval_id"] == approval.key
    assert new["resource"] == f"{ACTION.resource.type}/{ACTION.resource.name}"
    assert new["url"].startswith("https://aura.example.com/admin/decide/")
    assert (end["event_type"], end["status"]) == ("approval_resolved", "approved")
    assert (end["resolved_by"], end["reason"]) == ("ada", "fine")
    approval.refresh_from_db()
    assert approval.callback_sent_at is None, "that is about its own callback"


def test_slack_gets_what_slack_shows_and_nothing_that_it_would_act_on(configured):
    configured(approval_webhook="https://hooks.slack.com/services/x")
    approval = approvals.request(ACTION, policy="p")
    approvals.deny(approval.pk, by=ADA, reason="<!channel> no")
    new, end = (json.loads(row.body) for row in ApprovalCallback.objects.order_by("pk"))
    assert new["attachments"][0]["color"] == notices.COLOURS[ApprovalStatus.PENDING]
    assert end["attachments"][0]["color"] == notices.REFUSED
    assert "<!channel>" not in json.dumps(end)
    configured(approval_webhook="https://example.com/slack.com")
    ask()
    assert "attachments" not in ApprovalCallback.objects.latest("pk").body


def test_people_get_a_mail_of_a_new_and_of_a_denied_request(mailbox):
    approval = ask()
    sending.pump()
    approvals.deny(approval.pk, by=ADA, reason="use the\u202e replica")
    sending.pump()
    ((people, raw), (_, denied)) = mailbox.got
    assert people == ["ops@example.com", "dba@example.com"]
    new = message_from_bytes(raw)
    assert new["Subject"] == f"[APPROVAL REQUIRED] {ACTION.action_class} - {ACTION.tool}"
    assert new["From"] == "aura@example.com"
    text = new.get_payload(decode=True).decode()
    assert f"approvals approve {approval.key}" in text
    assert f"/v1/approvals/{approval.key}/approve" in text
    other = message_from_bytes(denied)
    assert other["Subject"].startswith("[APPROVAL DENIED]")
    assert "use the⟨U+202E⟩ replica" in other.get_payload(decode=True).decode()


def test_an_approval_sends_no_mail(mailbox):
    approval = ask()
    sending.pump()
    approvals.approve(approval.pk, by=ADA)
    sending.pump()
    assert len(mailbox.got) == 1


def test_a_mail_that_is_refused_or_whose_server_is_away_is_sent_again(mailbox):
    mailbox.refuses = True
    ask()
    sending.pump()
    row = Notice.objects.get()
    assert (row.sent_at, row.attempts) == (None, 1)
    assert "451" in row.error
    assert row.next_at is not None
    mailbox.refuses = False
    Notice.objects.update(next_at=Now())
    sending.pump()
    assert len(mailbox.got) == 1
    assert Notice.objects.get().sent_at is not None


def test_a_webhook_that_fails_is_sent_again(configured):
    with receiving(answer(500), answer(200)) as receiver:
        configured(approval_webhook=receiver.url())
        ask()
        callbacks.pump()
        ApprovalCallback.objects.update(next_at=Now())
        callbacks.pump()
        assert len(receiver.got) == 2


def test_one_whose_setting_was_removed_is_given_up(configured):
    with receiving() as receiver:
        configured(approval_webhook=receiver.url())
        ask()
        configured(approval_webhook="")
        callbacks.pump()
        assert receiver.got == []
    row = ApprovalCallback.objects.get()
    assert (row.next_at, row.sent_at) == (None, None)


def test_a_name_with_line_ends_makes_no_header(mailbox):
    approval = ask()
    Approval.objects.filter(pk=approval.pk).update(tool_name="x\r\nBcc: eve@example.com")
    Notice.objects.all().delete()
    approval.refresh_from_db()
    notices.queue(approval, notices.CREATED)
    sending.pump()
    ((people, raw),) = mailbox.got
    assert "eve@example.com" not in people
    assert message_from_bytes(raw)["Bcc"] is None


def test_without_settings_nothing_is_kept_and_info_says_so(configured, mailbox):
    configured(email_to=(), approval_webhook="")
    ask()
    assert not ApprovalCallback.objects.exists()
    assert not Notice.objects.exists()
    said = status.info()["approvals"]
    assert (said["webhook_configured"], said["email_configured"]) == (False, False)
    configured(email_to=("a@example.com",), approval_webhook="https://example.com/x")
    said = status.info()["approvals"]
    assert (said["webhook_configured"], said["email_configured"]) == (True, True)
    configured(smtp_host="")
    assert status.info()["approvals"]["email_configured"] is False
