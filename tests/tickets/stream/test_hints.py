"""Hints that something besides tickets changed what waits: for clients that ask for them alone."""

from __future__ import annotations

import json

import pytest

from governance import approvals
from governance.audit.sequence import sequence
from governance.types import Action, ActionClass, ActorKind, Principal, Resource
from tests import builders
from tickets.stream.door import Wanted
from tickets.stream.log import ALL, LogStorage, channel_of

pytestmark = pytest.mark.django_db


def request_of_no_ticket() -> None:
    action = Action(
        tool="delete_pod",
        arguments={"pod": "secret-name"},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="pod", name="secret-name"),
        principal=Principal(kind=ActorKind.AGENT, name="k8s"),
        trace_id="tr_1",
    )
    approvals.request(action, policy="p")
    sequence()


def test_a_request_of_no_ticket_is_a_hint_that_says_nothing_more() -> None:
    request_of_no_ticket()
    (entry,) = LogStorage().page(ALL, 0).entries
    lines = entry.frame.decode().splitlines()
    assert "event: waiting_changed" in lines
    data = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
    assert (data["ticketId"], data["payload"]) == (None, {})
    assert b"secret-name" not in entry.frame
    assert entry.hint


def test_only_who_asks_for_hints_gets_them() -> None:
    request_of_no_ticket()
    (entry,) = LogStorage().page(ALL, 0).entries
    assert Wanted(waiting=True).holds(entry)
    assert not Wanted().holds(entry)
    assert not Wanted(statuses=["draft"]).holds(entry)


def test_the_stream_of_a_ticket_has_none() -> None:
    ticket = builders.pending_plan_approval()
    sequence()
    storage = LogStorage()
    assert not any(entry.hint for entry in storage.page(channel_of(ticket.pk), 0).entries)
    assert any(entry.hint for entry in storage.page(ALL, 0).entries)
    assert not any(event.type == "waiting_changed" for event in storage.get_events(ALL, 0))
