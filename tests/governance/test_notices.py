"""What people are told by e-mail, ntfy and Slack, each over the real wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.message import Message as Mail
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils.timezone import now

from aura.config import ConfigError, NoticeChannel, load
from aura.doctor import outside
from aura.kernel.deliveries import MOST_ATTEMPTS
from governance import approvals, notices
from governance.approvals import callbacks
from governance.approvals.emergency import PERMISSION, PURPOSE
from governance.models import ApprovalCallback, Notice, PolicyVersion, SecbotCursor
from governance.notices import Kind, Message, sending, slack
from governance.policy import activation, current
from governance.secbot.alerts import Alert, AlertType
from governance.secbot.follower import ONLY
from governance.secbot.incidents import raise_alert
from governance.types import Action, ActionClass, ActorKind, Principal, Resource, Role
from tests.admin.conftest import person
from tests.governance.asking import ADA
from tests.people import person as somebody
from tests.stubs.mailbox import Mailbox, mailbox
from tests.stubs.receiver import Receiver, answer, receiving

pytestmark = pytest.mark.django_db

BASE = "https://aura.example.com"
TOKEN = "tk_Zy8Xw7Vu6Ts5"
NASTY = "<!channel> *x* https://evil.example\r\nX-Actions: http, y\u202e\r\nBcc: eve@example.com"


@dataclass
class World:
    """Where messages arrive."""

    mails: Mailbox
    ntfy: Receiver
    slack: Receiver
    settings: Any

    def set(self, **named: Any) -> None:
        self.settings.AURA = self.settings.AURA.model_copy(update=named)

    @property
    def pushed(self) -> list[dict[str, Any]]:
        return [json.loads(got.body) for got in self.ntfy.got]

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(got.body) for got in self.slack.got]

    @property
    def mailed(self) -> list[Mail]:
        return [message_from_bytes(raw) for _, raw in self.mails.got]

    def told(self) -> list[str]:
        """The titles that ntfy got."""
        sending.pump()
        return [said["title"] for said in self.pushed]


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Every channel is configured, and told of everything."""
    monkeypatch.setattr(sending.hands, "wake", lambda: None)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with ExitStack() as stack:
        made = World(
            stack.enter_context(mailbox()),
            stack.enter_context(receiving()),
            stack.enter_context(receiving()),
            settings,
        )
        made.set(
            public_url=BASE,
            email_to=("ops@example.com",),
            email_from="aura@example.com",
            smtp_host="127.0.0.1",
            smtp_port=made.mails.port,
            notify_provider="ntfy",
            ntfy_server=made.ntfy.url(""),
            ntfy_topic="aura-7f3a",
            ntfy_token=TOKEN,
            slack_webhook_url=made.slack.url("/services/T0/B0/secret"),
            notify=(),
        )
        yield made


def message(key: str = "k", kind: Kind = Kind.QUESTION, **more: Any) -> Message:
    said = {"head": "QUESTION", "what": "Which one?", "page": "/admin/inbox/", **more}
    return Message(key=key, kind=kind, **said)


def ask(action_class: ActionClass = ActionClass.DESTRUCTIVE, **terms: Any) -> Any:
    action = Action(
        tool="delete_pod",
        arguments={"pod": "web-1"},
        action_class=action_class,
        resource=Resource(type="pod", name="shop/web-1"),
        principal=Principal(kind=ActorKind.AGENT, name="k8s"),
        trace_id="tr_1",
    )
    return approvals.request(action, policy="p", **terms)


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


# --- at least once, and not twice ---


def test_what_is_told_twice_is_sent_once(world):
    notices.tell(message())
    notices.tell(message())
    sending.pump()
    notices.tell(message())
    sending.pump()
    assert (len(world.pushed), len(world.posted), len(world.mailed)) == (1, 1, 1)


def test_a_storm_is_one_message_with_the_loudest_first(world):
    for number in range(30):
        urgent = number == 17
        priority = notices.URGENT if urgent else notices.NORMAL
        notices.tell(message(f"k{number}", what=f"number {number}", priority=priority))
    sending.pump()
    assert (len(world.pushed), len(world.posted), len(world.mailed)) == (1, 1, 1)
    (push,) = world.pushed
    assert push["title"] == "AURA: 30 things need somebody"
    assert push["message"].splitlines()[0] == "QUESTION: number 17"
    assert push["message"].splitlines()[-1] == "and 20 more"
    assert push["priority"] == 5
    assert not Notice.objects.filter(sent_at=None).exists()


def test_a_channel_that_is_away_is_tried_again_and_holds_up_no_other(world):
    world.ntfy.answers = [answer(503), answer(200)]
    notices.tell(message())
    sending.pump()
    row = Notice.objects.get(channel="ntfy")
    assert (row.sent_at, row.attempts) == (None, 1)
    assert "503" in row.error
    assert len(world.mailed) == len(world.posted) == 1
    Notice.objects.filter(channel="ntfy").update(next_at=Now())
    sending.pump()
    row.refresh_from_db()
    assert row.sent_at is not None
    assert len(world.mailed) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_decided_while_it_cannot_be_told_is_not_tried_again(world):
    approval = ask()

    def decided_meanwhile(handler):
        notices.withdraw(f"{approval.key}-pending")
        connection.close()
        answer(503)(handler)

    world.ntfy.answers = [decided_meanwhile]
    sending.pump()
    row = Notice.objects.get(channel="ntfy")
    assert (row.attempts, row.next_at, row.sent_at) == (1, None, None)


def test_a_message_nobody_can_read_holds_up_no_other_and_is_given_up(world):
    Notice.objects.create(key="later", channel="ntfy", kind="unheard-of", body={"a": 1})
    notices.tell(message())
    assert len(world.told()) == 1
    row = Notice.objects.get(key="later")
    assert "KeyError" in row.error
    Notice.objects.filter(pk=row.pk).update(attempts=MOST_ATTEMPTS - 1, next_at=Now())
    sending.pump()
    row.refresh_from_db()
    assert (row.next_at, row.sent_at) == (None, None)


@pytest.mark.parametrize("callback_url", ["", "https://example.com/its-own"])
def test_a_mail_that_an_old_process_leaves_during_an_upgrade_is_told_once(world, callback_url):
    approval = ask(callback_url=callback_url)
    Notice.objects.all().delete()  # an old process makes none
    body = json.dumps({"subject": "[APPROVAL REQUIRED]", "text": "curl …"})
    for count in range(2):
        ApprovalCallback.objects.create(
            approval=approval, channel="email", message_id=f"m-{count}", body=body
        )
    callbacks.pump()
    sending.pump()
    assert [mail["Subject"] for mail in world.mailed] == [
        "[APPROVAL REQUIRED] destructive - delete_pod"
    ]
    assert not ApprovalCallback.objects.filter(channel="email", sent_at=None).exists()


def test_a_channel_that_refuses_for_good_is_not_asked_again(world):
    world.slack.answers = [answer(404, b"no_service")]
    notices.tell(message())
    sending.pump()
    row = Notice.objects.get(channel="slack")
    assert (row.next_at, row.error) == (None, "status 404: no_service")


def test_a_redirect_is_no_way_to_another_server(world):
    with receiving() as other:
        world.slack.answers = [answer(302, Location=other.url())]
        notices.tell(message())
        sending.pump()
        assert other.got == []
    assert Notice.objects.get(channel="slack").sent_at is None


def test_old_ones_are_forgotten_and_waiting_ones_are_not(world):
    notices.tell(message())
    Notice.objects.update(created_at=now() - timedelta(days=31))
    Notice.objects.filter(channel="slack").update(next_at=None)
    notices.forget_old()
    assert set(Notice.objects.values_list("channel", flat=True)) == {"email", "ntfy"}


# --- settings, and trying them out ---


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("pigeon=all", "pigeon is none of email, ntfy, slack"),
        ("email=weather", "email is told of weather: none of action, plan"),
        ("slack=plan", "slack is not configured .AURA_SLACK_WEBHOOK_URL"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(monkeypatch, value, complaint):
    monkeypatch.setenv("AURA_NOTIFY", value)
    with pytest.raises(ConfigError, match=complaint):
        load()


def test_the_setting_names_kinds_all_or_none(monkeypatch):
    monkeypatch.setenv("AURA_NOTIFY", "ntfy=action,incident email=none slack=all")
    monkeypatch.setenv("AURA_NOTIFY_PROVIDER", "ntfy")
    monkeypatch.setenv("AURA_NTFY_TOPIC", "t")
    monkeypatch.setenv("AURA_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/x")
    told = dict(load().notify)
    assert told[NoticeChannel.NTFY] == {Kind.ACTION, Kind.INCIDENT}
    assert told[NoticeChannel.EMAIL] == frozenset()
    assert told[NoticeChannel.SLACK] == set(Kind)


def test_the_address_of_slack_is_in_no_complaint(monkeypatch):
    monkeypatch.setenv("AURA_SLACK_WEBHOOK_URL", "hooks.slack.com/services/T0/B0/verysecret")
    with pytest.raises(ConfigError) as refused:
        load()
    assert "verysecret" not in str(refused.value)


def test_the_command_says_who_is_told_what_and_tries_it(world):
    world.set(notify=((NoticeChannel.SLACK, frozenset({Kind.PLAN})),), email_to=())
    out = StringIO()
    call_command("notify", stdout=out)
    assert "slack  is told of plan\n" in out.getvalue()
    assert "email  is not configured: HELPDESK_EMAIL_TO" in out.getvalue()
    call_command("notify", "--test", stdout=out)
    assert world.pushed[0]["title"] == "AURA TEST: messages arrive here"
    assert len(world.posted) == 1
    world.ntfy.answers = [answer(401, b"unauthorized")]
    with pytest.raises(CommandError, match="not every message"):
        call_command("notify", "--test", stdout=out)
    assert "ntfy   status 401: unauthorized" in out.getvalue()


def test_the_doctor_says_what_is_missing_and_what_could_not_be_told(world):
    def said() -> tuple[str, str]:
        (finding,) = outside.notices(world.settings.AURA)
        return finding.level, finding.text

    assert said() == ("ok", "told by email, ntfy, slack")
    approvals.approve(ask().pk, by=ADA)
    assert said()[0] == "ok", "what was over before is nobody's fault"
    world.slack.answers = [answer(404, b"no_service")]
    notices.tell(message())
    sending.pump()
    assert said() == ("warn", "slack: status 404: no_service")
    world.set(email_from="")
    assert said() == ("warn", "email lacks HELPDESK_EMAIL_FROM")
    world.set(
        email_to=(), smtp_host="", notify_provider="none", ntfy_topic="", slack_webhook_url=""
    )
    Notice.objects.all().delete()
    assert said() == ("ok", "nobody is told of anything")


def test_slack_text_is_cut_where_slack_would_refuse_it(world):
    notices.tell(message(what="w" * 500, lines=["x" * 900] * 9))
    sending.pump()
    blocks = world.posted[0]["attachments"][0]["blocks"]
    assert len(blocks[0]["text"]["text"]) <= slack.HEADER_CHARS
    assert len(blocks[1]["text"]["text"]) <= slack.TEXT_CHARS
    assert len(world.pushed[0]["message"].encode()) < 4096
