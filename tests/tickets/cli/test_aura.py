"""`aura` against the real API, and against what a healthy one never says."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from itertools import islice

import pytest

from governance.audit.sequence import sequence
from governance.cli.frame import Failure
from governance.cli.service import Service
from governance.identity import issue_token
from governance.types import Role
from tests import builders
from tests.governance.cli.stub import Stub, serving
from tests.people import person
from tests.serving.instance import ROOT
from tickets import services
from tickets.cli import following, main, telling
from tickets.cli.desk import Desk, path_of
from tickets.models import Ticket

HOSTILE = "\x1b]0;owned\x07\u202egone"


@pytest.fixture
def ada(tool, api, monkeypatch):
    """`aura` as ada, an approver, types it."""
    monkeypatch.setenv("AURA_API_URL", api)
    monkeypatch.setenv("AURA_TOKEN", issue_token(person("linus", Role.APPROVER), name="cli"))
    return lambda *arguments: tool("aura", *arguments)


def status(ticket):
    return Ticket.objects.get(pk=ticket.pk).status


# --- failures first ---


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://x", "http://[::1"])
def test_a_bad_url_is_said(tool, url):
    done = tool("aura", "inbox", "--url", url)
    assert (done.code, done.out) == (1, "")
    assert "is no http(s) URL: set --url or AURA_API_URL" in done.err


def test_nobody_there_is_said(tool):
    with serving(Stub()) as gone:
        url = gone.url
    done = tool("aura", "inbox", "--url", url)
    assert done.code == 1
    assert "cannot be reached" in done.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, []), "an object was expected"),
        ((200, {"tickets": "x"}), "a list was expected"),
        ((200, "<html>"), "not with JSON"),
        ((401, {"error": {"code": "UNAUTHORIZED", "message": "no token"}}), "set AURA_TOKEN"),
        ((503, {"error": {"code": "X", "message": HOSTILE}}), "\\x1b]0;owned\\x07\\u202egone"),
    ],
)
def test_what_the_server_answers_is_said_in_one_sentence(tool, stub, answer, words):
    stub.says("/api/tickets", answer)
    done = tool("aura", "inbox", "--url", stub.url)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_refusal_without_a_reason_is_none(tool):
    assert tool("aura", "deny", "x").code == 1
    assert "say something" in tool("aura", "deny", "x", "--reason", " ").err


def test_an_id_cannot_lead_elsewhere():
    assert path_of("../audit?x#y") == "/api/tickets/..%2Faudit%3Fx%23y"


def test_text_from_outside_does_nothing_to_the_terminal():
    ticket = {
        "id": "1",
        "title": HOSTILE,
        "description": f"one\n{HOSTILE}",
        "plan": {"summary": HOSTILE, "steps": [{"tool": HOSTILE}], "risks": [HOSTILE]},
        "pendingApproval": {"reason": HOSTILE, "args": {HOSTILE: HOSTILE}, "preview": HOSTILE},
        "pendingQuestion": {"question": HOSTILE, "options": [HOSTILE]},
    }
    event = {"type": HOSTILE, "timestamp": HOSTILE, "payload": {HOSTILE: HOSTILE}}
    lines = [*telling.whole(ticket), *telling.inbox([ticket]), telling.frame(event)]
    said = "\n".join(lines)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "one\n  \\x1b]0;owned" in said


def test_it_starts_without_django():
    code = (
        "import sys, tickets.cli.main; print([m for m in ('django', 'aura') if m in sys.modules])"
    )
    made = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == "[]"


# --- against the real API ---


def test_the_inbox_has_what_waits_and_nothing_else(ada):
    assert ada("inbox").out == "Nothing waits.\n"
    plan = builders.pending_plan_approval(title="Deploy Redis")
    action = builders.pending_approval(title="Remove the cache")
    builders.resolved(title="Done long ago")
    lines = ada("inbox").out.splitlines()
    assert lines[0].split() == ["ID", "WAITS", "FOR", "PRIORITY", "TITLE", "SINCE"]
    assert [line.split()[0] for line in lines[1:]] == [str(action.pk), str(plan.pk)]
    assert [one["title"] for one in json.loads(ada("inbox", "--json").out)] == [
        "Remove the cache",
        "Deploy Redis",
    ]


def test_a_ticket_is_opened_shown_and_run(ada):
    made = ada("new", "Deploy Redis", "Three nodes", "--priority", "high")
    assert made.code == 0, made.err
    ticket = Ticket.objects.get()
    assert made.out == f"{ticket.pk}  draft\n"
    shown = ada("ticket", str(ticket.pk)).out
    assert "Three nodes" in shown
    assert "high" in shown
    assert ada("run", str(ticket.pk)).code == 0
    assert status(ticket) == "planning"


def test_a_plan_is_shown_before_it_is_approved_and_needs_a_yes(ada, monkeypatch):
    ticket = builders.pending_plan_approval()
    done = ada("approve", str(ticket.pk))
    assert done.code == 1
    assert "redis/set.yaml" in done.err
    assert "nobody is here to confirm it" in done.err
    assert status(ticket) == "pending_plan_approval"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: "no\n", raising=False)
    assert "not approved" in ada("approve", str(ticket.pk)).err
    assert status(ticket) == "pending_plan_approval"
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    assert ada("approve", str(ticket.pk)).code == 0
    assert status(ticket) == "executing"


def test_an_action_is_approved_and_denied(ada):
    ticket = builders.pending_approval()
    shown = ada("ticket", str(ticket.pk)).out
    assert "An action waits for a decision:" in shown
    assert "redis/old.yaml" in shown
    done = ada("deny", str(ticket.pk), "--reason", "it is used")
    assert (done.code, done.err) == (0, "")
    again = ada("approve", str(ticket.pk), "--yes")
    assert "nothing waits for a decision" in again.err
    other = builders.pending_approval()
    assert ada("approve", str(other.pk), "--yes", "--reason", "fine").code == 0
    assert status(other) == "executing"


def test_a_plan_is_sent_back(ada):
    ticket = builders.pending_plan_approval()
    assert ada("deny", str(ticket.pk), "--reason", "five nodes").code == 0
    assert status(ticket) == "planning"


def test_what_was_put_meanwhile_is_not_decided(ada, api):
    ticket = builders.pending_approval()

    token = issue_token(person("olga", Role.APPROVER), name="cli")
    desk = Desk(Service(api, token=token))
    read = desk.asked(str(ticket.pk))
    read.body["fingerprint"] = "0" * 64
    with pytest.raises(Failure, match="409"):
        desk.approve(read, "")
    assert status(ticket) == "pending_approval"


def test_a_question_is_answered(ada):
    ticket = builders.pending_input()
    assert "Which namespace?" in ada("ticket", str(ticket.pk)).out
    assert ada("answer", str(ticket.pk), "data").code == 0
    assert status(ticket) == "executing"


def test_an_unknown_ticket_is_not_found(ada):
    for arguments in (("ticket",), ("run",), ("approve",), ("answer", "x")):
        verb, *more = arguments
        done = ada(verb, "1b4e28ba-2fa1-11d2-883f-0016d3cca427", *more)
        assert (done.code, done.out) == (1, "")
        assert "404" in done.err


# --- watching ---


def test_events_are_followed_from_where_the_stream_broke(stub, monkeypatch, capsys):
    first = 'id: 7\nevent: status_changed\ndata: {"type": "status_changed", "ticketId": "t"}\n\n'
    beat = 'event: heartbeat\ndata: {"type": "heartbeat"}\n\n'
    stub.says("/api/stream", (200, first + beat), (503, {"error": "gone"}), (403, {"error": "no"}))
    monkeypatch.setattr(following, "AGAIN_S", 0)
    assert main.main(["watch", "--url", stub.url]) == 1
    said = capsys.readouterr()
    assert said.out == "t  status_changed\n"
    assert said.err.count("trying again") == 1
    assert "not allowed" in said.err
    assert [headers.get("last-event-id") for _, _, headers, _ in stub.got] == [None, "7", "7"]


def test_a_ticket_is_watched_live(ada, api):
    ticket = builders.new_ticket()
    token = issue_token(person("olga", Role.VIEWER), name="cli")
    feed = following.Feed(Service(api, token=token), f"{path_of(str(ticket.pk))}/stream")
    with closing(feed.events()) as events:
        assert next(events)["type"] == "connected"
        services.run_ticket(ticket, actor=builders.ADA)
        sequence()
        seen = next(event for event in islice(events, 20) if event["type"] != "heartbeat")
    assert (seen["type"], seen["ticketId"]) == ("status_changed", str(ticket.pk))
