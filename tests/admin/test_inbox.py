"""The inbox: what is in it, in which order, for whom, and that it stays quick."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.models import ToolExecution
from aura.console.inbox.items import Kind
from governance import approvals
from governance.models import Approval, EmergencyReview, SecurityIncident
from governance.policy import activation, current
from governance.types import SYSTEM, ActionClass, ActorKind, Principal, Role
from tests import builders
from tests.admin.conftest import browser_of, person
from tests.admin.pages import INBOX, INDEX, act, approval_page, page_of, text, words_in
from tests.admin.scene import asked
from tests.people import person as member
from tickets.models import Status, Ticket

pytestmark = pytest.mark.django_db
COUNTS = "/admin/inbox/counts/"
LINUS = Principal(kind=ActorKind.USER, name="linus", roles=frozenset({"approver"}))


@pytest.fixture(autouse=True)
def authentication(settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


def rows(response) -> list[str]:
    """The list's lines, as words."""
    shown = re.search(r'<ul class="inbox rows">(.*?)</ul>', text(response), re.DOTALL)
    assert shown
    lines = re.findall(r"<li.*?</li>", shown.group(1), re.DOTALL)
    return [words_in(line) for line in lines]


def kinds(response) -> list[str]:
    return [line.split()[0] for line in rows(response)]


def counted(page: str) -> dict[str, int]:
    found = re.findall(r'id="count-(\w+)"\s+data-live>(\d+)<', page)
    return {name: int(number) for name, number in found}


def everything() -> None:
    builders.failed(title="It failed")
    builders.paused(title="It rests")
    builders.pending_input(title="The question")
    builders.pending_plan_approval(title="The plan")
    asked("scale_deployment", ActionClass.WRITE)
    asked("delete_pod", ActionClass.DESTRUCTIVE)
    released = asked("kill_session", ActionClass.DESTRUCTIVE)
    Approval.objects.filter(pk=released.pk).update(status="approved", use_by=now())
    EmergencyReview.objects.create(approval=released, opened_by="linus", reason="Down")
    SecurityIncident.objects.create(type="high_volume", subject="agent:k8s", opened_at=now())
    loose = current.built_in_text().replace("tags: [inventory]", "name_pattern: '*'")
    version = activation.keep(loose, source="policy.yaml", by=SYSTEM)
    if not version.waiting:
        activation.propose(version, by=member("pia", Role.ADMIN))


def test_the_riskiest_kind_comes_first(admin_browser):
    everything()
    assert kinds(admin_browser.get(INBOX)) == [
        "incident",
        "review",
        "policy",
        "destructive",
        "write",
        "plan",
        "question",
        "paused",
        "failed",
    ]


def test_of_one_kind_the_oldest_comes_first(admin_browser):
    for name, days in (("newer", 1), ("oldest", 3), ("middle", 2)):
        request = asked(name, ActionClass.WRITE)
        moment = now() - timedelta(days=days)
        Approval.objects.filter(pk=request.pk).update(requested_at=moment)
    shown = rows(admin_browser.get(INBOX))
    assert [re.search(r"(\w+): Deletes", line).group(1) for line in shown] == [
        "oldest",
        "middle",
        "newer",
    ]


def test_a_line_says_what_on_what_who_asked_who_may_and_how_long(admin_browser):
    member("linus", Role.APPROVER)
    approval = asked("delete_pod", ActionClass.DESTRUCTIVE, quorum=2)
    (line,) = rows(admin_browser.get(INBOX))
    for part in (
        "destructive",
        "pod:production/shop/web-6c54d8f9b7-x2x9p",
        "delete_pod: Deletes pod web-6c54d8f9b7-x2x9p",
        "You may decide",
        ", or linus",
        "0 of 2 said yes",
        "by ada",
        "59 minutes left",
    ):
        assert part in line, part
    assert f'href="{approval_page(approval)}#decide"' in text(admin_browser.get(INBOX))


def test_a_ticket_is_named_beside_what_it_waits_for(admin_browser):
    ticket = builders.pending_plan_approval(title="Deploy\u202e Redis")
    response = admin_browser.get(INBOX)
    assert "Create Redis StatefulSet with Sentinel" in rows(response)[0]
    assert "Deploy⟨U+202E⟩ Redis" in rows(response)[0]
    assert page_of(ticket) in text(response)


def test_votes_count_while_their_voters_may_decide(admin_browser):
    linus = member("linus", Role.APPROVER)
    request = asked("delete_pod", ActionClass.DESTRUCTIVE, quorum=2)
    approvals.approve(request.pk, by=LINUS)
    assert "1 of 2 said yes: linus" in rows(admin_browser.get(INBOX))[0]
    linus.groups.clear()
    assert "0 of 2 said yes" in rows(admin_browser.get(INBOX))[0]


# --- whose it is ---


def test_who_asked_is_told_that_somebody_else_must_decide(db):
    ada = browser_of(member("ada", Role.APPROVER))
    linus = browser_of(member("linus", Role.APPROVER))
    asked("delete_pod", ActionClass.DESTRUCTIVE)  # for ada
    assert "For linus , not you: you asked for it" in rows(ada.get(INBOX))[0]
    assert "You may decide" in rows(linus.get(INBOX))[0]


def test_mine_is_what_one_may_settle_oneself(db):
    ada = browser_of(member("ada", Role.APPROVER))
    linus = browser_of(member("linus", Role.APPROVER))
    vera = browser_of(member("vera", Role.VIEWER))
    asked("delete_pod", ActionClass.DESTRUCTIVE)  # for ada
    asked("drop", ActionClass.DESTRUCTIVE, approver_role=Role.ADMIN)
    builders.pending_input()
    assert kinds(ada.get(INBOX, {"mine": "1"})) == ["question"]
    assert kinds(linus.get(INBOX, {"mine": "1"})) == ["destructive", "question"]
    assert rows(vera.get(INBOX, {"mine": "1"})) == ["Nothing of this waits."]


def test_who_only_looks_is_told_so(db):
    vera = browser_of(member("vera", Role.VIEWER))
    everything()
    told = " ".join(rows(vera.get(INBOX)))
    assert "You may decide" not in told
    assert "not you: you may look and not decide" in told
    assert "Not you: it takes the role operator or above" in told


def test_nobody_is_shown_what_they_may_not_see(db):
    everything()
    tickets = browser_of(person("tess", "tickets.view_ticket"))
    assert kinds(tickets.get(INBOX)) == ["question", "paused", "failed"]
    requests = browser_of(person("rita", "governance.view_approval"))
    shown = requests.get(INBOX)
    assert kinds(shown) == ["review", "destructive", "write", "plan"]
    assert "The plan" not in text(shown)  # a ticket's title
    reader = browser_of(person("lou", "governance.view_auditevent"))
    assert kinds(reader.get(INBOX)) == ["incident", "policy"]
    assert counted(text(reader.get(COUNTS))) == {
        "bar": 2,
        "inbox": 2,
        "incidents": 1,
        "policies": 1,
    }
    assert browser_of(person("nobody")).get(INBOX).status_code == 403
    assert (
        "waits"
        not in text(browser_of(person("noone")).get(INDEX)).split("<main")[1].split("<h1")[0]
    )


def test_a_stranger_is_sent_to_the_login(db):
    for url in (INBOX, COUNTS):
        assert browser_of(None).get(url)["Location"].startswith("/admin/login/")


# --- filters and pages ---


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("approvals", {"destructive", "write", "plan"}),
        ("questions", {"question"}),
        ("security", {"incident", "review"}),
        ("stuck", {"paused", "failed"}),
        ("nonsense", None),
    ],
)
def test_a_filter_shows_its_kinds_alone(admin_browser, show, expected):
    everything()
    shown = kinds(admin_browser.get(INBOX, {"show": show}))
    assert len(shown) == len(Kind) if expected is None else set(shown) == expected


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("scale_dep", "write"),
        ("it failed", "failed"),
        ("high_volume", "incident"),
        ("KILL_", "review"),
        ("%", None),
    ],
)
def test_a_search_looks_into_every_kind(admin_browser, words, kind):
    everything()
    response = admin_browser.get(INBOX, {"q": words})
    if kind is None:
        assert rows(response) == ["Nothing of this waits."]
    else:
        assert kinds(response) == [kind]


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=x", "page=99999999999", "page=-1", "q=%F0%9F%92%A9", "show=", "mine=2"],
)
def test_odd_queries_break_no_page(admin_browser, query):
    everything()
    assert len(rows(admin_browser.get(f"{INBOX}?{query}"))) in {1, len(Kind)}


def test_pages_go_over_all_kinds_and_repeat_nothing(admin_browser, monkeypatch):
    monkeypatch.setattr("aura.console.inbox.listing.PER_PAGE", 3)
    everything()
    pages = [kinds(admin_browser.get(INBOX, {"page": number})) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [3, 3, 3]
    assert len({kind for page in pages for kind in page}) == len(Kind)
    first = text(admin_browser.get(INBOX))
    assert "page 1 of 3, 9 in all" in " ".join(first.split())
    assert "?page=2" in first


def test_it_is_only_looked_at(admin_browser):
    assert admin_browser.post(INBOX).status_code == 405
    assert admin_browser.head(INBOX).status_code == 200


# --- counts ---


def test_the_title_and_the_header_count_what_somebody_was_asked_for(admin_browser):
    everything()
    page = text(admin_browser.get(INBOX))
    assert "<title>(7) Inbox | Aura</title>" in page
    of_rooms = {"approvals": 3, "reviews": 1, "policies": 1, "incidents": 1}
    assert counted(page) == {"bar": 7, "inbox": 7, **of_rooms}
    assert counted(text(admin_browser.get(COUNTS))) == counted(page)


def test_what_was_decided_is_gone(admin_browser):
    ticket = builders.pending_approval()
    act(admin_browser, ticket, "decide", decision="approve")
    response = admin_browser.get(INBOX)
    assert rows(response) == ["Nothing waits for a person."]
    assert "<title>Inbox | Aura</title>" in text(response)


# --- how much it asks of the database ---


def queries(browser, url) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return len(captured)


def test_the_inbox_asks_at_most_25_questions_however_much_waits(db):
    linus = browser_of(member("linus", Role.APPROVER))
    urls = [f"{INBOX}{query}" for query in ("", "?mine=1", "?q=o", "?show=approvals&mine=1&q=o")]
    everything()
    asked("drop", ActionClass.DESTRUCTIVE, approver_role=Role.ADMIN, quorum=2)
    before = {url: queries(linus, url) for url in urls}
    for _ in range(4):
        everything()
    assert {url: queries(linus, url) for url in urls} == before
    assert max(before.values()) <= 25, before


def test_a_call_that_lost_its_ticket_and_an_odd_context_break_no_line(admin_browser):
    ticket = builders.pending_input(title="Asks")
    ToolExecution.objects.filter(run=ticket.run).update(wait_detail={})
    gone = builders.pending_approval(title="Gone")
    Approval.objects.filter(trace_id=str(gone.pk)).update(context=["odd"], arguments={"a": 1})
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.PENDING_INPUT)
    assert kinds(admin_browser.get(INBOX)) == ["destructive", "question"]
