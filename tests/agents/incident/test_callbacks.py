"""A bundle is made, and a receiver is told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from standardwebhooks import Webhook

from agents.incident import callbacks, commands
from agents.models import Incident
from aura.kernel.deliveries import MOST_ATTEMPTS
from governance.approvals.callbacks import secrets
from tests.agents.incident.bundling import bundled
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(commands, "OS", {"uname": ("uname", "-a")})
    monkeypatch.setattr(commands, "STORAGE", {})


def test_the_result_is_posted_once_and_signed(allow):
    allow("127.0.0.1/32")
    with receiving() as receiver:
        result = bundled(callback_url=receiver.url())
        callbacks.pump()
        callbacks.pump()
    (got,) = receiver.got
    assert Webhook(secrets()[0]).verify(got.body, got.headers) == result
    assert got.headers["content-type"] == "application/json"
    incident = Incident.objects.get()
    assert incident.callback_sent_at is not None
    assert (incident.callback_next_at, incident.callback_error) == (None, "")


def test_a_receiver_that_fails_is_told_again_later_and_given_up_in_the_end(allow):
    allow("127.0.0.1/32")
    with receiving(answer(500, b"not now"), answer()) as receiver:
        bundled(callback_url=receiver.url())
        callbacks.pump()
        incident = Incident.objects.get()
        assert "500" in incident.callback_error
        assert incident.callback_next_at is not None
        Incident.objects.update(callback_next_at=Now() - timedelta(seconds=1))
        callbacks.pump()
        incident.refresh_from_db()
        assert incident.callback_sent_at is not None
        Incident.objects.update(
            callback_sent_at=None, callback_next_at=Now(), callback_attempts=MOST_ATTEMPTS - 1
        )
        receiver.answers = [answer(500)]
        callbacks.pump()
    assert Incident.objects.filter(callback_sent_at=None, callback_next_at=None).exists()


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "https://10.0.0.1/", "file:///etc/passwd", "x"]
)
def test_a_receiver_that_may_not_be_told_costs_no_bundle(url):
    result = bundled(callback_url=url)
    assert [line.split(":")[0] for line in result["errors"]] == ["callback"]
    assert Incident.objects.get().callback_next_at is None
    callbacks.pump()


def test_a_name_that_leads_inside_is_not_followed(monkeypatch):
    monkeypatch.setattr("aura.kernel.outbound.resolve", lambda host, port: ["127.0.0.1"])
    bundled(callback_url="https://hooks.example.com/x")
    callbacks.pump()
    incident = Incident.objects.get()
    assert "not a public address" in incident.callback_error
    assert json.dumps(incident.as_result())
