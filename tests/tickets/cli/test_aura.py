"""`aura` against the real API, and against what a healthy one never says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from itertools import islice
from uuid import UUID

import pytest

from governance.audit.record import data_of
from governance.audit.sequence import sequence
from governance.cli import show
from governance.cli.frame import Failure
from governance.cli.service import Service
from governance.identity import issue_token
from governance.types import Role
from tests import builders
from tests.governance.cli.stub import Stub, serving
from tests.people import person
from tests.serving.instance import ROOT
from tickets import selectors, services
from tickets.cli import completion, following, happening, main, telling
from tickets.cli.desk import Desk, asked_of, path_of
from tickets.models import Ticket

FILLER = "\u3164"  # printable, says Unicode, and not to be seen
HOSTILE = f"\x1b]0;owned\x07\u202e{FILLER}gone"


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
        (
            (503, {"error": {"code": "X", "message": HOSTILE}}),
            "\\x1b]0;owned\\x07\\u202e\\u3164gone",
        ),
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
    lines = [*telling.whole(ticket), *telling.listing([ticket]), happening.line(event)]
    said = "\n".join(lines)
    assert FILLER not in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "│ one\n│ \\x1b]0;owned" in said


def test_it_starts_without_django_and_without_what_the_screen_needs():
    code = (
        "import sys, tickets.cli.main;"
        " print([m for m in ('django', 'aura', 'textual') if m in sys.modules])"
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
    assert lines[0].split() == ["ID", "STATUS", "PRIORITY", "TITLE", "SINCE"]
    assert [line.split()[0] for line in lines[1:]] == [str(action.pk)[:8], str(plan.pk)[:8]]
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
    assert "nothing was done" in ada("approve", str(ticket.pk)).err
    assert status(ticket) == "pending_plan_approval"
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n", raising=False)
    assert ada("approve", str(ticket.pk)).code == 0
    assert status(ticket) == "executing"


def test_an_action_is_approved_and_denied(ada):
    ticket = builders.pending_approval()
    shown = ada("ticket", str(ticket.pk)).out
    assert "An action waits for a decision:" in shown
    assert "redis/old.yaml" in shown
    for label in ("What", "Call", "Touches", "Risk", "Undone", "Cost", "Who", "Why"):
        assert f"\n  {label} " in shown
    done = ada("deny", str(ticket.pk), "--reason", "it is used")
    assert (done.code, done.err) == (0, "")
    again = ada("approve", str(ticket.pk), "--yes", "abcd")
    assert "nothing waits for a decision" in again.err
    other = builders.pending_approval()
    approval = json.loads(ada("ticket", str(other.pk), "--json").out)["pendingApproval"]["id"]
    assert ada("approve", str(other.pk), "--yes", approval, "--reason", "fine").code == 0
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
    with pytest.raises(Failure, match="this has moved on, and nothing was decided"):
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


def test_only_what_was_read_is_decided_without_asking(ada):
    ticket = builders.pending_approval()
    done = ada("approve", str(ticket.pk), "--yes", "00000000-0000")
    assert done.code == 1
    assert "does not wait" in done.err
    assert "say something" in ada("approve", str(ticket.pk), "--yes", "").err
    assert status(ticket) == "pending_approval"


def test_a_viewer_decides_nothing(tool, api, login_required, monkeypatch):
    ticket = builders.pending_approval()
    monkeypatch.setenv("AURA_TOKEN", issue_token(person("vic", Role.VIEWER), name="cli"))
    approval = str((selectors.approval_of(ticket) or {})["id"])
    for arguments in (
        ("approve", str(ticket.pk), "--yes", approval),
        ("deny", str(ticket.pk), "--reason", "no"),
        ("cancel", str(ticket.pk), "--yes"),
        ("new", "Title", "Text"),
    ):
        done = tool("aura", *arguments, "--url", api)
        assert (done.code, done.out) == (1, "")
        assert "not allowed" in done.err
    assert status(ticket) == "pending_approval"
    assert Ticket.objects.count() == 1


def test_a_question_is_shown_and_answered_by_the_number_of_an_option(ada, monkeypatch):
    ticket = builders.pending_input()
    options = (selectors.question_of(ticket) or {})["options"]
    monkeypatch.setattr("sys.stdin.readline", lambda: "2\n", raising=False)
    done = ada("answer", str(ticket.pk))
    assert done.code == 0, done.err
    assert "Which namespace?" in done.err
    (answered,) = builders.log_of(ticket, "question_answered")
    assert data_of(answered.body)["data"]["payload"]["answer"] == (options[1:] or ["2"])[0]


def test_another_question_than_the_one_that_was_read_is_not_answered(api, clean):
    ticket = builders.pending_input()
    token = issue_token(person("olga", Role.APPROVER), name="cli")
    with pytest.raises(Failure, match="moved on"):
        Desk(Service(api, token=token)).answer(
            str(ticket.pk), "data", question="1b4e28ba-2fa1-11d2-883f-0016d3cca427"
        )
    assert status(ticket) == "pending_input"


def test_a_ticket_is_cancelled_after_a_yes_and_a_paused_one_goes_on(ada):
    ticket = builders.paused()
    refused = ada("cancel", str(ticket.pk))
    assert refused.code == 1
    assert "nobody is here to confirm it" in refused.err
    assert ada("resume", str(ticket.pk), "--turns", "5").code == 0
    assert status(ticket) in {"executing", "planning"}
    assert ada("cancel", str(ticket.pk), "--yes", "--reason", "not needed").code == 0
    assert status(ticket) == "cancelled"
    assert ada("resume", str(ticket.pk), "--turns", "201").code == 1


# --- ids ---


def test_the_first_characters_of_an_id_are_enough(ada):
    ticket = builders.new_ticket(title="Deploy Redis")
    for length in (4, 8, 9, 13, 14, 24, 35):
        assert "Deploy Redis" in ada("ticket", str(ticket.pk)[:length].upper()).out
    assert ada("ids").out == f"{ticket.pk}\n"


def test_an_id_that_means_none_or_several_is_told(ada):
    for number in (1, 2):
        made = Ticket.objects.filter(pk=builders.new_ticket().pk)
        made.update(id=UUID(f"abcd0000-0000-4000-8000-00000000000{number}"))
    done = ada("ticket", "abcd")
    assert (done.code, done.out) == (1, "")
    assert "2 tickets have ids that begin with abcd: abcd0000-" in done.err
    assert "no ticket has an id" in ada("cancel", "abce", "--yes").err
    for nonsense in ("abc", "../audit", "zzzz", "\x1b[2J", "abcd-ef", "abcd0000-00000"):
        done = ada("ticket", nonsense)
        assert (done.code, done.out) == (1, "")
        assert "\x1b" not in done.err


def test_shells_complete_every_verb(tool):
    for shell in completion.SCRIPTS:
        script = tool("aura", "completion", shell).out
        subprocess.run(["/bin/bash", "-n"], input=script, text=True, check=True)
        assert "complete -F _aura aura" in script
    told = set(re.findall(r"^    ([a-z]+) ", tool("aura", "--help").out, re.MULTILINE))
    assert told - {"ids"} == set(completion.VERBS.split())


# --- what happened ---


def test_the_log_of_a_ticket_is_told_in_words_oldest_first(ada):
    ticket = builders.pending_plan_approval(title="Deploy Redis")
    sequence()
    lines = ada("log", str(ticket.pk)).out.splitlines()
    assert lines[0].endswith("opened: Deploy Redis")
    assert any(line.endswith("draft → planning") for line in lines)
    entries = json.loads(ada("log", str(ticket.pk), "--json").out)
    assert entries[0]["type"] == "ticket_created"


def test_a_log_that_is_followed_begins_at_its_beginning(ada, api):
    ticket = builders.new_ticket()
    services.run_ticket(ticket, actor=builders.ADA)
    sequence()
    token = issue_token(person("olga", Role.VIEWER), name="cli")
    path = f"{path_of(str(ticket.pk))}/stream"
    feed = following.Feed(Service(api, token=token), path, after=following.BEGINNING)
    with closing(feed.events()) as events:
        told = (event["type"] for event in islice(events, 20))
        assert next(kind for kind in told if kind == "status_changed")


# --- terminals ---


def test_a_table_fits_its_terminal_and_keeps_the_id():
    rows = [["0123456789abcdef", "x" * 60, "部署" * 20, "e\u0301" * 60]]
    for width in (40, 60, 80, 160):
        lines = list(show.table(("ID", "A", "B", "C"), rows, width=width))
        assert all(show.cells(line) <= max(width, 46) for line in lines)
        assert lines[1].startswith("0123456789abcdef  ")


def test_a_plan_of_5_mb_is_cut_where_a_person_decides_and_told_whole_elsewhere():
    body = {"args": {}, "preview": f"{'x' * 49}\n" * 100_000, "id": "a"}
    ticket = {"id": "t", "pendingApproval": body}
    asked = asked_of(ticket)
    assert asked is not None
    said = list(telling.request(asked, width=80))
    assert len(said) < 400
    assert any("99,700 more lines" in line for line in said)
    assert sum(1 for _ in telling.whole(ticket)) > 100_000


def test_the_live_screen_needs_a_terminal(tool):
    done = tool("aura")
    assert (done.code, done.out) == (1, "")
    assert "needs a terminal" in done.err


def test_a_reader_that_has_seen_enough_ends_it(api, tmp_path):
    for number in range(30):
        builders.new_ticket(title=f"Ticket {number} {'x' * 200}")
    token = issue_token(person("olga", Role.VIEWER), name="cli")
    whole = f"{sys.executable} -m tickets.cli.main list --limit 200 | head -1"
    environment = {"PATH": "/usr/bin:/bin", "AURA_API_URL": api, "AURA_TOKEN": token}
    done = subprocess.run(  # noqa: S603 - ours
        ["/bin/bash", "-c", whole],
        cwd=ROOT,
        env=environment | {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1:strict"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ID")
    assert done.stderr == ""


# --- watching ---


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (
            "commit_created",
            {"sha": "ab12", "message": "Add cart\n\nWhy: it sells."},
            "commit ab12: Add cart",
        ),
        (
            "argo_sync_started",
            {"app": "cart", "revision": "0123456789abcdef"},
            "Argo CD: cart goes to 0123456",
        ),
        ("tool_called", {"tool": "read", "result": {"error": "gone"}}, "read: FAILED, gone"),
        ("status_changed", "no object", 'status_changed "no object"'),
    ],
)
def test_an_event_is_one_line_of_words(kind, payload, words):
    assert happening.words({"type": kind, "payload": payload}) == words


def test_events_are_followed_from_where_the_stream_broke(stub, monkeypatch, capsys):
    data = {"type": "status_changed", "ticketId": "t", "payload": {"from": "a", "to": "b"}}
    first = f"id: 7\nevent: status_changed\ndata: {json.dumps(data)}\n\n"
    beat = 'event: heartbeat\ndata: {"type": "heartbeat"}\n\n'
    stub.says("/api/stream", (200, first + beat), (503, {"error": "gone"}), (403, {"error": "no"}))
    monkeypatch.setattr(following, "AGAIN_S", 0)
    assert main.main(["watch", "--url", stub.url]) == 1
    said = capsys.readouterr()
    assert said.out == "t  a → b\n"
    assert said.err.count("trying again") == 1
    assert "not allowed" in said.err
    assert [headers.get("last-event-id") for _, _, headers, _ in stub.got] == [None, "7", "7"]


def test_what_happens_in_an_outage_before_the_first_event_is_told_after_it(ada, api):
    ticket = builders.new_ticket()
    token = issue_token(person("olga", Role.VIEWER), name="cli")
    feed = following.Feed(Service(api, token=token), "/api/stream")
    with closing(feed.events()) as events:
        assert next(events)["type"] == "connected"
    services.run_ticket(ticket, actor=builders.ADA)
    sequence()
    with closing(feed.events()) as events:
        assert next(events)["type"] == "connected"
        services.cancel_ticket(ticket, actor=builders.ADA)
        sequence()
        seen = (event["payload"] for event in events if event["type"] == "status_changed")
        assert [said["to"] for said in islice(seen, 2)] == ["planning", "cancelled"]


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
