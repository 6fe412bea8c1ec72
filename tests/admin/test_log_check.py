"""The check of all of the log: a worker does it, one at a time, and the page tells of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils.timezone import now

from governance.audit import checking, contradiction
from governance.models import AuditEvent, LogCheck
from governance.tasks import check_log
from governance.types import Role
from tests.admin.conftest import browser_of
from tests.admin.conftest import person as somebody
from tests.admin.pages import LOG, VERIFY, messages, submit, text
from tests.governance import logbook
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(db):
    return browser_of(person("vera", Role.VIEWER))


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that stalls is no killed worker."""
    monkeypatch.setattr(checking, "SILENT", timedelta(hours=1))


def state(browser) -> str:
    page = text(browser.get(LOG))
    section = re.search(r'<section class="card log-check.*?</section>', page, re.DOTALL)
    assert section
    return " ".join(re.sub(r"<[^>]+>", " ", section.group()).split())  # escapes as they are


def test_a_worker_verifies_and_the_page_says_who_asked_and_what_it_found(vera):
    logbook.signed_log(4, 9)
    assert "nobody asked for one yet" in state(vera)
    events = AuditEvent.objects.count()
    submit(vera, LOG, VERIFY)
    assert "It waits for a worker" in state(vera)
    check_log(LogCheck.objects.get().number)
    said = state(vera)
    assert "asked for by vera" in said
    assert "The log holds: 9 events, none altered" in said
    assert "Signed up to event 9" in said
    assert "Verified up to event 9" in said
    assert AuditEvent.objects.count() == events, "a check that finds nothing tells nothing"


def test_what_does_not_hold_stops_effects_as_every_verification_does(vera):
    logbook.signed_log(4, 9)
    logbook.guards_off()
    logbook.sql(
        "UPDATE governance_auditevent SET body = 'x' WHERE id ="
        " (SELECT event_id FROM governance_auditlink WHERE seq = 3)"
    )
    submit(vera, LOG, VERIFY)
    check_log(LogCheck.objects.get().number)
    assert "BROKEN at place 3: the hash does not follow" in state(vera)
    assert contradiction.problems() == ["place 3: the hash does not follow"]
    assert AuditEvent.objects.filter(type=contradiction.FOUND).count() == 1


def test_a_second_click_joins_the_check_that_runs(vera, admin_browser):
    submit(vera, LOG, VERIFY)
    answer = admin_browser.post(VERIFY)
    assert "A check runs already" in messages(admin_browser, answer)
    check = LogCheck.objects.get()
    assert (check.number, check.asked_by) == (1, "vera")


def test_how_far_it_is_is_seen_while_it_runs(vera, monkeypatch):
    logbook.write(6)
    monkeypatch.setattr("governance.audit.verify.PROGRESS_EVERY", 2)
    monkeypatch.setattr(checking, "TELL_EVERY_S", 0)
    seen = []
    tell = checking._Progress.tell

    def telling(self, done, total):
        tell(self, done, total)
        seen.append(text(vera.get(LOG)))

    monkeypatch.setattr(checking._Progress, "tell", telling)
    submit(vera, LOG, VERIFY)
    check_log(1)
    assert re.search(r'<progress value="2"\s+max="6"', seen[0])
    assert "2 of 6 events are checked" in " ".join(seen[0].split())
    assert 'data-every="1"' in seen[0]
    assert "data-every" not in text(vera.get(LOG))
    assert "<progress" not in text(vera.get(LOG))


def test_a_killed_worker_is_told_of_and_the_check_can_be_started_again(vera):
    submit(vera, LOG, VERIFY)
    long_ago = now() - checking.SILENT - timedelta(seconds=1)
    LogCheck.objects.update(begun_at=long_ago, heard_at=long_ago)
    assert "its worker was killed" in state(vera)
    submit(vera, LOG, VERIFY)
    assert LogCheck.objects.get().number == 2
    check_log(1)  # it was only slow: its word does not count any more
    assert "It waits for a worker" in state(vera)
    check_log(2)
    assert "The log holds" in state(vera)
    check_log(2)  # a message that comes twice
    assert LogCheck.objects.get().number == 2


@pytest.mark.parametrize("off_by", [timedelta(hours=-2), timedelta(hours=2)])
def test_a_web_process_whose_clock_is_wrong_takes_no_worker_for_killed(vera, monkeypatch, off_by):
    """Each process has a clock of its own; the database's counts."""
    submit(vera, LOG, VERIFY)
    LogCheck.objects.update(begun_at=Now(), heard_at=Now())  # a worker elsewhere
    wrong = now() + off_by
    monkeypatch.setattr(checking, "now", lambda: wrong, raising=False)
    assert checking.state(checking.latest()) is checking.State.RUNNING
    long_ago = Now() - checking.SILENT - timedelta(seconds=1)
    LogCheck.objects.update(heard_at=long_ago)
    assert checking.state(checking.latest()) is checking.State.LOST


def test_a_check_that_was_given_up_stops_when_it_wakes_up(vera, monkeypatch):
    logbook.write(4)
    monkeypatch.setattr("governance.audit.verify.PROGRESS_EVERY", 1)
    submit(vera, LOG, VERIFY)
    superseding = checking._Progress.tell

    def late(self, done, total):
        LogCheck.objects.update(number=9, begun_at=None, checked=0)
        superseding(self, done, total)

    monkeypatch.setattr(checking._Progress, "tell", late)
    check_log(1)
    check = LogCheck.objects.get()
    assert (check.number, check.checked, check.ended_at) == (9, 0, None)


def test_a_check_that_fails_says_why_and_can_be_started_again(vera, monkeypatch):
    def fails(**_):
        raise OSError("the disk is full <b>\u202e")

    monkeypatch.setattr(checking, "verify", fails)
    submit(vera, LOG, VERIFY)
    with pytest.raises(OSError, match="disk"):
        check_log(1)
    assert "It could not be finished: OSError: the disk is full &lt;b&gt;⟨U+202E⟩" in state(vera)
    assert "Verify all of it" in state(vera)


def test_who_may_not_read_the_log_starts_no_check_and_looking_starts_none(vera):
    stranger = browser_of(somebody("stan", "tickets.view_ticket"))
    assert stranger.post(VERIFY).status_code == 403
    assert vera.get(VERIFY)["Location"] == LOG
    assert vera.post(LOG).status_code == 405
    assert not LogCheck.objects.exists()
