"""Deliveries over HTTP: signatures, retries, what is done about receivers that misbehave."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from django.utils.timezone import now
from standardwebhooks import WebhookVerificationError

from aura.kernel import deliveries, outbound
from governance.audit.record import data_of
from governance.models import AuditEvent
from tests import builders
from tests.stubs.receiver import answer, receiving
from tests.tickets.webhooks.conftest import GRACE, Hook, fed, verified
from tickets import services
from tickets.models import WebhookDelivery, WebhookEndpoint
from tickets.webhooks import endpoints, pump

pytestmark = pytest.mark.django_db

ERROR = answer(500, b"oops")


# --- signatures ---


def test_each_attempt_is_signed_anew_and_keeps_its_id(hook: Any) -> None:
    with receiving(ERROR, answer()) as receiver:
        listener: Hook = hook(receiver, "ticket.failed")
        builders.failed()
        listener.pumped()
        listener.time_passes()
        assert len(listener.verified()) == 2
        assert len(set(listener.ids)) == 1
        assert receiver.got[0].body == receiver.got[1].body
        (row,) = listener.rows()
        assert (row.state, row.attempts, row.status_code) == ("delivered", 2, 200)
        assert row.message_id == listener.ids[0]


def test_a_body_that_was_altered_or_a_secret_of_others_fails_the_check(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        other = hook(receiver, "ticket.resolved")
        builders.failed()
        listener.pumped()
        (got,) = receiver.got
        with pytest.raises(WebhookVerificationError):
            verified(got, other.secret)
        forged = got.body.replace(b"failed", b"solved")
        with pytest.raises(WebhookVerificationError):
            verified(type(got)(got.path, got.headers, forged), listener.secret)


def test_after_a_rotation_both_secrets_hold_until_the_overlap_is_over(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        new = endpoints.rotate(listener.endpoint, actor=GRACE)
        assert new.startswith("whsec_")
        assert new != listener.secret
        builders.failed()
        listener.pumped()
        assert listener.verified() == listener.verified(new)
        WebhookEndpoint.objects.update(old_secret_until=now() - timedelta(seconds=1))
        builders.failed()
        listener.pumped()
        verified(receiver.got[1], new)
        with pytest.raises(WebhookVerificationError):
            verified(receiver.got[1], listener.secret)


def test_secrets_are_not_in_the_database_and_follow_the_secret_key(
    hook: Any, settings: Any
) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        stored = WebhookEndpoint.objects.values_list("secret", flat=True).get()
        assert listener.secret not in stored
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
        builders.failed()
        listener.pumped()
        assert len(listener.verified()) == 1
        assert endpoints.reseal() == 1
        settings.SECRET_KEY_FALLBACKS = []
        builders.failed()
        listener.pumped()
        assert len(listener.verified()) == 2
        settings.SECRET_KEY = "lost"
        builders.failed()
        listener.pumped()
        assert len(receiver.got) == 2
        assert "signing secret cannot be read" in listener.rows()[-1].error
        assert endpoints.reseal() == 0


# --- what is sent, and what is not ---


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_never_sent(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver)
        ticket = builders.new_ticket()
        with transaction.atomic():
            services.run_ticket(ticket, actor=builders.ADA)
            assert AuditEvent.objects.filter(type="status_changed").exists()
            transaction.set_rollback(True)  # as an error would
        listener.pumped()
        assert receiver.got == []
        assert listener.rows() == []


def test_the_log_read_twice_makes_no_second_delivery(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver)
        begin = listener.endpoint.cursor
        builders.failed()
        listener.pumped()
        WebhookEndpoint.objects.update(cursor=begin)
        listener.pumped()
        assert len(listener.ids) == len(set(listener.ids)) == 6


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_but_a_2xx_is_tried_again(hook: Any, status: int) -> None:
    with receiving(answer(status, b"no", Location="http://127.0.0.1:1/"), answer(204, b"")) as r:
        listener = hook(r, "ticket.failed")
        builders.failed()
        listener.pumped()
        (row,) = listener.rows()
        assert (row.state, row.status_code, row.response) == ("pending", status, "no")
        assert timedelta(seconds=3) < row.next_at - now() < timedelta(seconds=7)
        listener.pumped()
        assert len(r.got) == 1, "not before its time"
        listener.time_passes()
        assert listener.rows()[0].state == "delivered"
        assert listener.endpoint.failing_since is None


def test_waits_grow_and_end_after_about_a_day() -> None:
    waits = [deliveries.retry_after(attempts) for attempts in range(1, deliveries.MOST_ATTEMPTS)]
    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert len(seconds) == deliveries.MOST_ATTEMPTS - 1
    assert 4 <= seconds[0] <= 6
    assert all(later > sooner for sooner, later in pairwise(seconds[:9]))
    assert 18 * 3600 < sum(seconds) < 28 * 3600
    assert deliveries.retry_after(deliveries.MOST_ATTEMPTS) is None
    assert len({deliveries.retry_after(5) for _ in range(20)}) > 10, "with jitter"


def test_after_the_last_attempt_it_is_dead_until_it_is_replayed(hook: Any) -> None:
    with receiving(ERROR, answer()) as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        fed()
        WebhookDelivery.objects.update(attempts=deliveries.MOST_ATTEMPTS - 1)
        listener.pumped()
        (row,) = listener.rows()
        assert (row.state, row.next_at) == ("dead", None)
        listener.time_passes()
        assert len(receiver.got) == 1
        endpoints.replay(row, actor=GRACE)
        listener.pumped()
        assert listener.rows()[0].state == "delivered"
        assert listener.ids[0] == listener.ids[1]


def test_all_that_failed_since_then_is_replayed(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        for _ in range(3):
            builders.failed()
        fed()
        old, *_ = rows = listener.rows()
        for row in rows:
            ended = now() - timedelta(days=2 if row == old else 0)
            WebhookDelivery.objects.filter(pk=row.pk).update(
                state="dead", next_at=None, ended_at=ended
            )
        since = now() - timedelta(days=1)
        assert endpoints.replay_failed(listener.endpoint, since=since, actor=GRACE) == 2
        listener.pumped()
        assert [row.state for row in listener.rows()] == ["dead", "delivered", "delivered"]


def test_410_disables_the_endpoint(hook: Any) -> None:
    with receiving(answer(410, b"gone")) as receiver:
        listener = hook(receiver)
        builders.failed()
        listener.pumped()
        assert len(receiver.got) == 1
        assert not listener.endpoint.active
        assert "410" in listener.endpoint.disabled_reason
        event = AuditEvent.objects.filter(type="webhook_updated").latest("id")
        assert "410" in event.action
        assert event.actor == "system"


def test_an_endpoint_that_failed_long_enough_is_disabled(hook: Any) -> None:
    with receiving(ERROR) as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        fed()
        WebhookDelivery.objects.update(attempts=deliveries.MOST_ATTEMPTS - 1)
        WebhookEndpoint.objects.update(failing_since=now() - timedelta(hours=23))
        listener.pumped()
        assert not listener.endpoint.active
        assert "nothing was delivered since" in listener.endpoint.disabled_reason


@pytest.mark.parametrize("catch_up", [True, False])
def test_enabling_sends_what_happened_meanwhile_if_that_is_wanted(
    hook: Any,
    catch_up: bool,  # noqa: FBT001 - a parameter
) -> None:
    with receiving(ERROR, answer()) as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        listener.pumped()
        endpoints.disable(listener.endpoint, actor=GRACE)
        builders.failed()
        listener.time_passes()
        assert len(receiver.got) == 1
        endpoints.enable(listener.endpoint, actor=GRACE, catch_up=catch_up)
        listener.pumped()
        builders.failed()
        listener.pumped()
        assert len(receiver.got) == (4 if catch_up else 2)


def test_an_endpoint_that_fails_rests_and_others_do_not(hook: Any) -> None:
    with receiving(ERROR) as bad, receiving() as good:
        failing, fine = hook(bad, "ticket.failed"), hook(good, "ticket.failed")
        for _ in range(3):
            builders.failed()
        fed()
        pump.pump()
        assert (len(bad.got), len(good.got)) == (1, 3)
        failing.endpoint.refresh_from_db()
        assert failing.endpoint.rests_until > now()
        assert failing.endpoint.failures == 1
        for expected in (2, 3):
            failing.pumped()
            assert len(bad.got) == expected
        assert len(fine.ids) == 3


def test_first_attempts_go_in_the_order_of_the_log(hook: Any) -> None:
    with receiving(ERROR, answer()) as receiver:
        listener = hook(receiver)
        builders.failed()
        builders.cancelled()
        listener.pumped()
        listener.pumped()
        first, *later = listener.ids
        assert first < min(later)
        assert later == sorted(later)
        listener.time_passes()
        assert listener.ids[-1] == first, "what is retried comes after its successors"


# --- the guard ---


def test_each_attempt_asks_the_guard_again(
    hook: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "resolve", lambda *_: ["169.254.169.254"])
    allowed = (*settings.AURA.outbound_allow, "hooks.internal")
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": allowed})
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        endpoints.update(
            listener.endpoint,
            url=f"http://hooks.internal:{receiver.port}/",
            events=["ticket.failed"],
            description="",
            actor=GRACE,
        )
        builders.failed()
        listener.pumped()
        assert receiver.got == []
        assert "169.254.169.254" in listener.rows()[0].error
        monkeypatch.setattr(outbound, "resolve", lambda *_: ["127.0.0.1"])
        listener.time_passes()
        assert len(receiver.got) == 1


def test_an_endpoint_taken_from_the_allow_list_gets_nothing_more(hook: Any, settings: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        networks = (ip_network("10.0.0.0/8"),)
        settings.AURA = settings.AURA.model_copy(update={"outbound_allow": networks})
        builders.failed()
        listener.pumped()
        assert receiver.got == []
        (row,) = listener.rows()
        assert (row.state, row.attempts) == ("pending", 1)
        assert "AURA_OUTBOUND_ALLOW" in row.error


def test_what_the_receiver_says_is_kept_short_and_without_credentials(hook: Any) -> None:
    canary = "ghp_" + "a1B2c3D4e5" * 4
    with receiving(answer(500, f"bad \0 {canary} {'x' * 100_000}".encode())) as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        listener.pumped()
        (row,) = listener.rows()
        assert canary not in row.response
        assert len(row.response) <= 1000
        assert "\0" not in row.response


# --- trying out, changes ---


def test_a_test_message_goes_to_its_endpoint_alone(hook: Any) -> None:
    with receiving() as receiver, receiving() as other:
        listener = hook(receiver, "ticket.failed")
        hook(other)
        endpoints.try_out(listener.endpoint, actor=GRACE)
        listener.pumped()
        (message,) = listener.verified()
        assert message["type"] == "webhook.test"
        assert message["data"] == {
            "endpoint": str(listener.endpoint.pk),
            "actor": {"kind": "user", "name": "grace"},
        }
        assert other.got == []


def test_changes_are_in_the_log_without_the_path_or_the_secret(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed", path="/services/T0/hidden")
        endpoints.rotate(listener.endpoint, actor=GRACE)
        endpoints.disable(listener.endpoint, actor=GRACE)
        endpoints.enable(listener.endpoint, actor=GRACE, catch_up=False)
        endpoints.delete(listener.endpoint, actor=GRACE)
        events = AuditEvent.objects.filter(type__startswith="webhook_").order_by("id")
        assert [event.type for event in events] == [
            "webhook_created",
            *["webhook_updated"] * 3,
            "webhook_deleted",
        ]
        for event in events:
            text = json.dumps(data_of(event.body))
            assert "hidden" not in text
            assert "whsec_" not in text
            assert event.actor_name == "grace"
        assert not WebhookDelivery.objects.exists()


def test_old_deliveries_are_forgotten(hook: Any) -> None:
    with receiving() as receiver:
        listener = hook(receiver, "ticket.failed")
        builders.failed()
        builders.failed()
        listener.pumped()
        first, second = listener.rows()
        WebhookDelivery.objects.filter(pk=first.pk).update(ended_at=now() - timedelta(days=31))
        endpoints.forget_old()
        assert listener.rows() == [second]
        listener.pumped()
        assert len(receiver.got) == 2


# --- several at once ---


def _slow(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.05)
    answer()(handler)


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_message_once_and_one_at_a_time(hook: Any) -> None:
    from django.db import connections

    at_once: list[int] = []
    inside = threading.Semaphore(100)

    def watch(handler: BaseHTTPRequestHandler) -> None:
        inside.acquire()
        at_once.append(100 - inside._value)
        _slow(handler)
        inside.release()

    def work() -> None:
        try:
            pump.pump()
        finally:
            connections.close_all()

    with receiving(watch) as receiver:
        listener = hook(receiver)
        for _ in range(3):
            builders.failed()
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        listener.pumped()
        assert len(listener.ids) == 18
        assert len(set(listener.ids)) == 18
        assert set(at_once) == {1}


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_hangs_holds_up_nobody_else(
    hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real hands
    monkeypatch.setattr(outbound, "TIMEOUT_S", 60.0)
    with receiving() as one, receiving() as other:
        hooks = [hook(one, "ticket.failed"), hook(other, "ticket.failed")]
        slow, fast = sorted(hooks, key=lambda made: made.endpoint.pk)  # as they are claimed
        stuck, quick = slow.receiver, fast.receiver
        stuck.answers = [stuck.hang]
        builders.failed()
        began = time.monotonic()
        pump.hands.wake()
        while not (quick.got and stuck.got):
            assert time.monotonic() - began < 50
            time.sleep(0.01)
        builders.failed()
        pump.hands.wake()
        while len(quick.got) < 2:
            assert time.monotonic() - began < 50, "the second waited for the one that hangs"
            time.sleep(0.01)
        stuck.released.set()
        while slow.endpoint.deliveries.filter(duration_ms__isnull=True, attempts__gt=0).exists():
            assert time.monotonic() - began < 100
            time.sleep(0.01)
        assert [row.state for row in fast.rows()] == ["delivered", "delivered"]
