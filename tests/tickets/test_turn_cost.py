"""What a turn costs the database: counted, so that it stays that way. Times are in tests/bench."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.runtime.tool import Toolset
from governance.audit import contradiction
from governance.audit.background import in_background
from governance.policy import current
from governance.types import ActionClass
from tests.bench import desk
from tests.bench.work import Turns
from tickets import agent
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

NEVER_S = 3600.0
LAZILY = "SET LOCAL synchronous_commit TO off"
# The first commit: its begin, fence, the turn's key and ticket's row together; turn, step, call,
# ticket's counters and the intent's event together with their places in the chain. The second one:
# its begin, fence and ticket's row; call, step, turn, run and events together.
WITH_EFFECT = ["BEGIN;", "INSERT", "BEGIN;", "UPDATE"]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Statements of each turn of a conversation, as they were sent; the chain is not among them."""

    # Else looked at every second or two, in some turn.
    monkeypatch.setattr(current, "CHECKED_EVERY_S", NEVER_S)
    monkeypatch.setattr(contradiction, "LOOKED_EVERY_S", NEVER_S)

    def taken(count: int, tools: Toolset = desk.TOOLS) -> list[list[str]]:
        ticket, starts = desk.executing(count), []
        conversation = Turns(count, at_each=lambda _: starts.append(len(connection.queries_log)))
        with (
            patch.object(agent, "toolset", lambda *_: tools),
            in_background(every_s=NEVER_S),
            CaptureQueriesContext(connection),
        ):
            connection.queries_log.clear()
            desk.converse(ticket, conversation)
            sent = [query["sql"] for query in connection.queries_log]
        assert Ticket.objects.get(pk=ticket.pk).status == Status.PAUSED
        return [sent[a:b] for a, b in pairwise(starts)]

    return taken


def commits(turn: list[str]) -> int:
    return turn.count("COMMIT")


def test_a_turn_with_an_effect_is_two_commits_and_four_messages(turns):
    for turn in turns(5)[1:]:
        assert commits(turn) == 2
        assert [s.split()[0] for s in turn if s not in ("BEGIN", "COMMIT")] == WITH_EFFECT
        assert LAZILY not in turn


def test_a_turn_that_only_reads_waits_for_the_disk_once(turns):
    (tool,) = desk.TOOLS
    for turn in turns(5, Toolset([replace(tool, action_class=ActionClass.READ)]))[1:]:
        assert commits(turn) - turn.count(LAZILY) == 1


def test_what_a_turn_writes_does_not_grow_with_the_conversation(turns):
    taken = turns(60)
    written = [sum(len(statement) for statement in turn) for turn in taken]
    early, late = sum(written[25:35]), sum(written[-10:])  # a plan's steps are over by then
    assert late == pytest.approx(early, rel=0.02)
    assert {len(turn) for turn in taken[25:]} == {len(taken[25])}
