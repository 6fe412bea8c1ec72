"""What people are told by e-mail, ntfy and Slack, each over the real wire."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from aura.config import NoticeChannel
from governance import approvals, notices
from governance.approvals.emergency import PERMISSION, PURPOSE
from governance.models import Notice, PolicyVersion, SecbotCursor
from governance.notices import Kind, sending, slack
from governance.policy import activation, current
from governance.secbot.alerts import Alert, AlertType
from governance.secbot.follower import ONLY
from governance.secbot.incidents import raise_alert
from governance.types import ActionClass, ActorKind, Principal, Role
from tests.admin.conftest import person
from tests.governance.asking import ADA
from tests.governance.notices.wires import BASE, TOKEN, ask, message
from tests.people import person as somebody

pytestmark = pytest.mark.django_db

NASTY = "<!channel> *x* https://evil.example\r\nX-Actions: http, y\u202e\r\nBcc: eve@example.com"


# --- each channel ---


def test_a_request_arrives_over_every_channel_with_a_link_of_its_own(world):
    ask()
    sending.pump()
    (push,), (post,), (mail,) = world.pushed, world.posted, world.mailed
    link = f"{BASE}/admin/decide/"
    assert push["click"].startswith(link)
    assert link in json.dumps(post)
    text = mail.get_payload(decode=True).decode()
    assert f"Look at it and decide: {link}" in text
    links = [push["click"], *[part for part in text.split() if part.startswith(link)]]
    assert len(set(links)) == 2


def test_ntfy_gets_how_loud_it_is_and_no_action_that_decides(world):
    ask()
    ask(ActionClass.WRITE)
    sending.pump()
    loud, other = world.pushed
    assert loud["topic"] == "aura-7f3a"
    assert loud["title"] == "APPROVAL REQUIRED: destructive - delete_pod"
    assert (loud["priority"], loud["tags"]) == (5, ["rotating_light"])
    assert other["priority"] == 4
    assert set(loud) == {"topic", "title", "message", "priority", "tags", "click"}
    assert world.ntfy.got[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert world.ntfy.got[0].path == "/"


def test_texts_from_outside_act_nowhere(world):
    notices.tell(message(what=NASTY, lines=[NASTY]))
    sending.pump()
    (got,), (post,), (mail,) = world.ntfy.got, world.posted, world.mailed
    assert "x-actions" not in got.headers
    assert "\n" not in json.loads(got.body)["title"]
    assert "⟨U+202E⟩" in json.loads(got.body)["title"]
    assert "markdown" not in json.loads(got.body)
    blocks = post["attachments"][0]["blocks"]
    markup = [each["text"]["text"] for each in blocks if each["text"]["type"] == "mrkdwn"]
    assert len(markup) == 1
    assert markup[0].startswith(f"<{BASE}/admin/decide/")
    assert "<!channel>" not in post["text"]
    assert mail["X-Actions"] is None
    assert mail["Bcc"] is None


def test_no_text_begins_a_line_that_could_be_ours(world):
    forged = "x\n\nLook at it and decide: https://evil.example/\r\nrequested by user:admin"
    notices.tell(message(lines=[forged, "for ada"]))
    sending.pump()
    mail = world.mailed[0].get_payload(decode=True).decode()
    texts = [mail, world.pushed[0]["message"], json.dumps(world.posted[0]).replace("\\n", "\n")]
    for text in texts:
        assert "https://evil.example/" in text
        assert not [line for line in text.splitlines() if line.startswith(("Look at", "req"))][1:]
        assert "\n  Look at it and decide: https://evil" in text
        assert "\nfor ada" in text


def test_credentials_are_told_to_nobody(world):
    secret = "ghp_" + "a1B2" * 9
    notices.tell(message(what=f"token {secret}", lines=[f"password: {secret}"]))
    sending.pump()
    everything = [*world.ntfy.got, *world.slack.got]
    assert len(everything) == 2
    assert all(secret.encode() not in got.body for got in everything)
    assert secret.encode() not in world.mails.got[0][1]
    assert secret not in json.dumps(Notice.objects.first().body)


def test_a_mail_says_who_it_is_from_and_that_nobody_wrote_it(world):
    notices.tell(message(key="q1"))
    sending.pump()
    (mail,) = world.mailed
    assert mail["Subject"] == "[QUESTION] Which one?"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<q1@aura.notices>"


# --- what is told ---


def test_a_refusal_a_break_glass_and_an_incident_are_told(world):
    world.set(notify=((NoticeChannel.EMAIL, frozenset()), (NoticeChannel.SLACK, frozenset())))
    approvals.deny(ask().pk, by=ADA, reason="use the replica")
    who = person("linus", "governance.decide_approval", PERMISSION)
    by = Principal(kind=ActorKind.USER, name=who.username, roles=frozenset({"approver"}))
    approvals.break_glass(ask().pk, by=by, purpose=PURPOSE, reason="it is down")
    alert = Alert(
        type=AlertType.UNAUTHORIZED_DESTRUCTIVE,
        subject="agent:k8s",
        message="delete_pod without an approval",
        at=now(),
    )
    cursor, _ = SecbotCursor.objects.get_or_create(pk=ONLY)
    raise_alert(alert, cursor, cooldown=timedelta(minutes=5))
    raise_alert(alert, cursor, cooldown=timedelta(minutes=5))
    assert world.told() == [
        "APPROVAL DENIED: destructive - delete_pod",
        "BREAK-GLASS: linus released delete_pod alone",
        "SECURITY INCIDENT: unauthorized_destructive - agent:k8s",
    ]


def test_a_policy_that_waits_for_a_second_person_is_told(world):
    lena = somebody("lena", Role.APPROVER)
    strict = current.built_in_text().replace("effect: allow", "effect: require_approval")
    for text, source in ((strict, "strict.yaml"), (current.built_in_text(), "loose.yaml")):
        activation.propose(activation.keep(text, source=source, by=ADA), by=lena)
    (title,) = world.told()
    assert title.startswith("POLICY WAITS: loose.yaml")
    waiting = PolicyVersion.objects.get(waiting=True)
    assert Notice.objects.first().body["page"].endswith(f"/policyversion/{waiting.pk}/change/")


def test_what_was_decided_before_it_was_told_is_not_told(world):
    approvals.approve(ask().pk, by=ADA)
    assert world.told() == []
    assert Notice.objects.filter(next_at__isnull=False).count() == 0


def test_what_ended_before_it_could_be_told_is_not_told(world):
    notices.tell(message(until=now() - timedelta(seconds=1)))
    assert world.told() == []


def test_each_channel_is_told_what_the_setting_says(world):
    world.set(
        notify=(
            (NoticeChannel.NTFY, frozenset({Kind.INCIDENT})),
            (NoticeChannel.EMAIL, frozenset({Kind.QUESTION})),
        )
    )
    notices.tell(message("a", Kind.QUESTION))
    notices.tell(message("b", Kind.INCIDENT))
    told = Notice.objects.values_list("channel", "key")
    assert set(told) == {("email", "a"), ("ntfy", "b"), ("slack", "a"), ("slack", "b")}


def test_nothing_is_kept_where_nobody_is_to_be_told(world):
    world.set(email_to=(), notify_provider="none", slack_webhook_url="")
    ask()
    assert not Notice.objects.exists()


def test_slack_text_is_cut_where_slack_would_refuse_it(world):
    notices.tell(message(what="w" * 500, lines=["x" * 900] * 9))
    sending.pump()
    blocks = world.posted[0]["attachments"][0]["blocks"]
    assert len(blocks[0]["text"]["text"]) <= slack.HEADER_CHARS
    assert len(blocks[1]["text"]["text"]) <= slack.TEXT_CHARS
    assert len(world.pushed[0]["message"].encode()) < 4096
