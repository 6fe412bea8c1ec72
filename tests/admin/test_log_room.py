"""The log's room: filters, downloads, and the page of an event."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from governance.audit import browse
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.models import AuditEvent
from governance.types import About, ActorKind, Principal, Role
from tests.admin.conftest import browser_of
from tests.admin.conftest import person as somebody
from tests.admin.pages import LOG, text, words_in
from tests.governance import logbook
from tests.people import person

pytestmark = pytest.mark.django_db
ADA = Principal(kind=ActorKind.USER, name="ada")
K8S = Principal(kind=ActorKind.AGENT, name="k8s")
HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\u200b"


def told(kind="tool_called", *, actor=K8S, action="did", trace_id="tr_1", **more):
    about = {
        name: more.pop(name) for name in ("agent", "session_id", "action_class") if name in more
    }
    return record(
        kind, actor=actor, action=action, trace_id=trace_id, data=more, about=About(**about)
    )


def places(page: str) -> list[int]:
    """The events of a list, in its order, by their place in the log."""
    return [int(found) for found in re.findall(r'/change/">(\d+)</a>\s*</th>', page)]


def shown(browser, **query) -> str:
    """The same as letters: a is the first event of the log."""
    return "".join(chr(ord("a") + place - 1) for place in places(text(browser.get(LOG, query))))


def link_on(page: str, words: str) -> str:
    found = re.search(rf'<a href="([^"]*)"[^>]*>{words}</a>', page)
    assert found, words
    return unescape(found.group(1))


@pytest.fixture
def vera(db):
    return browser_of(person("vera", Role.VIEWER))


# --- the list ---


@pytest.fixture
def log():
    told(action="a", toolCall={"name": "delete_pod", "result": {}}, agent="k8s")
    told(action="b", toolCall={"name": "delete_pod_gently", "result": {}}, agent="k8s")
    told("approval_denied", actor=ADA, action="c", trace_id="tr_2", session_id="s1")
    told("credential_refused", actor=ADA, action="d", trace_id="tr_22")
    told(action="e", call={"decision": {"effect": "deny"}, "resource": "pod:shop/web"})
    told("zzz_unknown", action="f", action_class="write", text='say "no" to ünï')
    sequence()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "fedcba"),
        ({"q": "tr_2"}, "c"),
        ({"q": "tr_2*"}, "dc"),
        ({"type": "approval_denied"}, "c"),
        ({"type": "any:Agents at work"}, "eba"),
        ({"type": "any:Other"}, "f"),
        ({"type": "nonsense"}, ""),
        ({"actor": "user"}, "dc"),
        ({"actor": "nobody"}, ""),
        ({"agent": "k8s"}, "ba"),
        ({"session": "s1"}, "c"),
        ({"action_class": "write"}, "f"),
        ({"decision": "people"}, "c"),
        ({"decision": "door"}, "d"),
        ({"decision": "policy"}, "e"),
        ({"decision": "policy", "type": "approval_denied"}, ""),
        ({"tool": "delete_pod"}, "a"),
        ({"says": "delete_pod"}, "ba"),
        ({"says": "pod:shop/web", "actor": "agent"}, "e"),
        ({"says": 'say "no" to ü'}, "f"),
        ({"agent": "k8s", "type": "tool_called", "says": "gently"}, "b"),
        ({"agent": "k8s", "type": "approval_denied"}, ""),
    ],
)
def test_a_filter_finds_what_it_says(admin_browser, log, query, found):
    assert shown(admin_browser, **query) == found


def test_a_range_of_time_has_both_ends(admin_browser, log):
    moment = now()
    soon, later = (f"{moment + timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}" for n in (5, 9))
    assert len(shown(admin_browser, until=soon)) == 6
    assert shown(admin_browser, since=soon, until=later) == ""
    refused = admin_browser.get(LOG, {"since": later, "until": soon})
    assert refused.status_code == 400
    assert "It is before the other one" in text(refused)
    assert "valid date" in text(admin_browser.get(LOG, {"since": "yesterday"}))
    assert admin_browser.get(LOG, {"q": "tr*", "tool": "x"}).status_code == 400


def test_what_was_asked_for_stands_in_the_form_and_in_every_link(admin_browser, monkeypatch):
    monkeypatch.setattr("governance.admin.log.PER_PAGE", 2)
    for number in range(5):
        told(action=f"n{number}", agent="k8s")
    told(action="other")
    sequence()
    page = text(admin_browser.get(LOG, {"agent": "k8s"}))
    assert re.search(r'name="agent"\s+value="k8s"', page)
    seen = []
    for _ in range(2):
        seen += places(page)
        page = text(admin_browser.get(LOG + link_on(page, "Older")))
    assert seen + places(page) == [5, 4, 3, 2, 1]
    assert ">Older<" not in page
    page = text(admin_browser.get(LOG + link_on(page, "Newer")))
    assert places(page) == [3, 2]
    page = text(admin_browser.get(LOG + link_on(page, "Newest")))
    assert places(page) == [5, 4]


def test_how_far_was_looked_is_said_and_one_can_look_further(admin_browser, monkeypatch):
    monkeypatch.setattr(browse, "WINDOW", 3)
    told(action="wanted", text="needle")
    for number in range(4):
        told(action=f"n{number}")
    sequence()
    page = text(admin_browser.get(LOG, {"says": "needle"}))
    assert "No event fits" in page
    assert "Looked into 3 events" in " ".join(page.split())
    page = text(admin_browser.get(LOG + link_on(page, "Look further back")))
    assert places(page) == [1]
    assert "Look further back" not in page


def test_how_far_to_look_is_asked_of_an_index_alone(admin_browser, monkeypatch):
    """Else twenty thousand rows would be read for their place in it."""
    monkeypatch.setattr(browse, "WINDOW", 2)
    for number in range(4):
        told(action=f"n{number}")
    with CaptureQueriesContext(connection) as captured:
        assert admin_browser.get(LOG, {"says": "x"}).status_code == 200
    (question,) = [each["sql"] for each in captured.captured_queries if " OFFSET " in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {question}")
        assert "Index Only Scan" in str(cursor.fetchall())


def test_the_list_asks_no_more_as_the_log_grows(admin_browser):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_browser.get(LOG, {"says": "x", "agent": "k8s"}).status_code == 200
        return len(captured)

    told(agent="k8s", text="x")
    sequence()
    first = asked()
    for number in range(30):
        told(agent="k8s", text="x", trace_id=f"tr_{number}")
    sequence()
    assert asked() == first


def test_what_is_filtered_is_downloaded_as_its_exact_bytes(vera, log):
    answer = vera.get(f"{LOG}export/", {"actor": "user"})
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'attachment; filename="aura-log.ndjson"'
    bodies = [bytes(e.body) for e in AuditEvent.objects.filter(actor="user")]
    assert answer.content == b"".join(body + b"\n" for body in bodies)
    assert f'href="{LOG}export/?actor=user"' in text(vera.get(LOG, {"actor": "user"}))


def test_a_download_is_bounded_in_events_bytes_and_what_is_looked_through(vera, log, monkeypatch):
    def lines(query=""):
        return vera.get(f"{LOG}export/{query}").content.splitlines()

    monkeypatch.setattr(browse, "AT_ONCE", 2)
    assert len(lines()) == 6
    monkeypatch.setattr(browse, "EXPORTED_MOST", 3)
    newest = lines()
    assert len(newest) == 3
    monkeypatch.setattr(browse, "EXPORTED_BYTES", len(newest[0]) + 1)
    assert len(lines()) == 1
    monkeypatch.setattr(browse, "EXPORTED_BYTES", 10_000)
    monkeypatch.setattr(browse, "WINDOW", 2)
    monkeypatch.setattr(browse, "WINDOWS", 2)
    assert lines("?says=gently") == []  # the fifth from the end
    monkeypatch.setattr(browse, "WINDOWS", 3)
    assert len(lines("?says=gently")) == 1


def test_hostile_text_is_inert_in_the_list_the_filters_and_the_page(admin_browser):
    event = told(f"x{HOSTILE}", action=HOSTILE, trace_id=f"t{HOSTILE}", text=HOSTILE, agent=HOSTILE)
    sequence()
    pages = [
        text(admin_browser.get(LOG)),
        text(admin_browser.get(LOG, {"type": HOSTILE})),
        text(admin_browser.get(f"{LOG}{event.pk}/change/")),
    ]
    for page in pages:
        assert "<script>alert" not in page
        outside_of_fields = re.sub(r"<input[^>]*>|<option[^>]*>|<a [^>]*>", "", page)
        assert not re.search("[\u202e\u200b\x1b]", outside_of_fields)
    assert all("⟨U+202E⟩" in page for page in pages)


# --- an event's page ---


def test_an_event_is_read_as_facts_and_its_bytes_are_folded(admin_browser):
    told()
    event = told(
        toolCall={"name": "delete_pod", "args": {"dryRun": True}, "result": {}},
        approvalId="apr_1",
        tags=["prod", "eu"],
    )
    told()
    sequence()
    page = text(admin_browser.get(f"{LOG}{event.pk}/change/"))
    facts = words_in(page.split("<details")[0])
    for said in (
        "Tool call: name delete_pod",
        "args: dry run yes",
        "Approval id apr_1",
        "prod, eu",
    ):
        assert said in facts, said
    assert re.search(r"<details\s*>\s*<summary>What was hashed", page)
    assert re.search(r'rel="prev">Before: #1<', page)
    assert re.search(r'rel="next">Next: #3<', page)


@pytest.mark.parametrize("data", [{"payload": None}, {"a": [[1], {"b": []}]}, {"n": {"n": {}}}, {}])
def test_data_of_any_shape_breaks_no_page(admin_browser, data):
    event = told(**data)
    assert admin_browser.get(f"{LOG}{event.pk}/change/").status_code == 200


def test_a_long_event_is_cut_and_says_so(admin_browser):
    event = told(a="y" * 5000, many={f"k{n}": n for n in range(80)})
    page = text(admin_browser.get(f"{LOG}{event.pk}/change/"))
    assert "(all of it below)" in page
    assert "21 more stand in the bytes below" in page


# --- who may ---


@pytest.mark.parametrize("path", ["", "export/", "verifier/", "{event}/change/", "{event}/proof/"])
def test_it_is_for_readers_of_the_log(vera, path):
    logbook.signed_log(2)
    url = LOG + path.format(event=AuditEvent.objects.latest("pk").pk)
    stranger = browser_of(somebody("stan", "tickets.view_ticket"))
    assert stranger.get(url).status_code == 403
    assert browser_of(None).get(url)["Location"].startswith("/admin/login/")
    assert vera.get(url).status_code == 200
