"""At least once, and not twice: what is tried again, when, and what goes out together."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Max, Min
from django.db.models.functions import Now
from django.utils.timezone import now

from aura.kernel.deliveries import MOST_ATTEMPTS
from governance import notices
from governance.approvals import callbacks
from governance.models import ApprovalCallback, Notice
from governance.notices import sending, smtp
from tests.database import waiting_for_locks
from tests.governance.notices.wires import ask, message
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db


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


def waits_s(**which: Any) -> float:
    """How long the one that waits is left alone, by the database's clock."""
    wait = Notice.objects.filter(**which).values_list(F("next_at") - Now(), flat=True).get()
    return float(wait.total_seconds())


@pytest.mark.parametrize(("status", "asked", "least_s"), [(429, "900", 800), (503, "1200", 1100)])
def test_a_receiver_that_asks_to_be_left_alone_is(world, status, asked, least_s):
    world.slack.answers = [answer(status, Retry_After=asked)]
    notices.tell(message())
    sending.pump()
    assert least_s < waits_s(channel="slack") <= int(asked)


def test_a_receiver_may_say_when_it_wants_to_be_asked_again(world):
    then = format_datetime(now() + timedelta(minutes=20), usegmt=True)
    world.ntfy.answers = [answer(429, Retry_After=then)]
    notices.tell(message())
    sending.pump()
    assert 1000 < waits_s(channel="ntfy") <= 1200


@pytest.mark.parametrize("asked", ["soon", "-5", "nan", "Thu, 01 Jan 1970 00:00:00 GMT", ""])
def test_a_wish_that_makes_no_sense_changes_nothing(world, asked):
    world.slack.answers = [answer(429, Retry_After=asked)]
    notices.tell(message())
    sending.pump()
    assert waits_s(channel="slack") <= 6


@pytest.mark.parametrize("asked", ["1e300", "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wish_for_ever_holds_for_an_hour(world, asked):
    world.slack.answers = [answer(429, Retry_After=asked)]
    notices.tell(message())
    sending.pump()
    assert 3000 < waits_s(channel="slack") <= 3600


def test_what_else_waits_for_a_receiver_that_wants_to_be_left_alone_waits_with_it(world):
    world.slack.answers = [answer(429, Retry_After="900")]
    notices.tell(message("a"))
    notices.tell(message("b"))
    sending.pump()
    assert len(world.posted) == 1
    assert waits_s(channel="slack", key="b") > 800
    assert len(world.pushed) == len(world.mailed) == 2


def test_what_failed_together_comes_back_together(world):
    world.slack.answers = [answer(503), answer(200)]
    for number in range(30):
        notices.tell(message(f"k{number}"))
    Notice.objects.update(attempts=MOST_ATTEMPTS - 2)  # hours, spread by an hour
    sending.pump()
    due = Notice.objects.filter(channel="slack").aggregate(
        first=Min("next_at"), last=Max("next_at")
    )
    assert due["last"] - due["first"] < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_two_that_look_at_once_do_not_share_what_belongs_together(world, monkeypatch):
    world.set(email_to=(), notify_provider="none")
    for number in range(4):
        notices.tell(message(f"k{number}"))
    ended = threading.Event()

    def look():
        try:
            sending.pump()
        finally:
            connection.close()
            ended.set()

    other, due, asked = threading.Thread(target=look), sending.due, []

    def while_another_one_looks():
        asked.append(1)
        if len(asked) == 2:  # the first one is chosen: what goes with it?
            other.start()
            while not (ended.is_set() or waiting_for_locks()):
                time.sleep(0.01)
        return due()

    monkeypatch.setattr(sending, "due", while_another_one_looks)
    sending.pump()
    other.join()
    assert [said["text"] for said in world.posted] == ["AURA: 4 things need somebody"]


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


@pytest.mark.parametrize("verb", [b"EHLO", b"MAIL", b"DATA"])
def test_a_mail_server_that_never_comes_to_an_end_is_left(world, monkeypatch, verb):
    monkeypatch.setattr(smtp, "CONVERSATION_S", 0.3)
    world.mails.endless = verb
    notices.tell(message())
    sending.pump()
    row = Notice.objects.get(channel="email")
    assert "the conversation took longer than 0.3 s" in row.error
    assert (row.attempts, row.sent_at, world.mails.got) == (1, None, [])
    assert row.next_at is not None
    assert len(world.pushed) == 1


def test_a_mail_server_is_left_in_the_middle_of_what_it_is_told(world, monkeypatch):
    """Whatever is being done when its time is over, the words are the same."""
    monkeypatch.setattr(smtp, "CONVERSATION_S", 3600)
    mail = smtplib.SMTP.mail

    def late(client, *args, **options):
        client._hang_up()
        return mail(client, *args, **options)

    monkeypatch.setattr(smtplib.SMTP, "mail", late)
    notices.tell(message())
    sending.pump()
    assert "the conversation took longer than" in Notice.objects.get(channel="email").error


def test_a_conversation_ends_well_before_another_one_may_begin():
    assert sending.LEASE.total_seconds() / 2 >= smtp.CONVERSATION_S


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
