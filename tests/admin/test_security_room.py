"""Security incidents: what led to each, its bundles, and closing it with a reason."""

from __future__ import annotations

import importlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from agents.helpdesk import security
from agents.models import HelpdeskTask, Incident
from governance import approvals
from governance.audit.record import record
from governance.models import AuditEvent, SecurityAlert, SecurityIncident
from governance.secbot import closing
from governance.types import Action, ActionClass, ActorKind, Principal, Resource, Role
from tests.admin.conftest import browser_of
from tests.admin.conftest import person as somebody
from tests.admin.pages import INBOX, forms_on, messages, submit, text, words_in
from tests.database import waiting_for_locks
from tests.people import person

pytestmark = pytest.mark.django_db
LIST = "/admin/governance/securityincident/"
HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J\u200b"
ADA = Principal(kind=ActorKind.USER, name="ada")
K8S = Principal(kind=ActorKind.AGENT, name="k8s")


def opened(days: float = 0, **fields: Any) -> SecurityIncident:
    moment = now() - timedelta(days=days)
    usual = {"type": "denial_burst", "subject": "agent:k8s", "opened_at": moment}
    return SecurityIncident.objects.create(**(usual | fields))


def alert(incident: SecurityIncident, *, opens: bool = False, **fields: Any) -> SecurityAlert:
    usual = {
        "type": incident.type,
        "subject": incident.subject,
        "severity": "warning",
        "message": "was refused",
        "at": incident.opened_at,
        "incident": incident if opens else None,
    }
    return SecurityAlert.objects.create(**(usual | fields))


def page_of(incident: SecurityIncident) -> str:
    return f"{LIST}{incident.pk}/change/"


def close_url(incident: SecurityIncident) -> str:
    return f"{LIST}{incident.pk}/close/"


def words(browser, url: str) -> str:
    return words_in(text(browser.get(url)).split("<main", 1)[1])


@pytest.fixture
def ada(db):
    return browser_of(person("ada", Role.APPROVER))


@pytest.fixture
def vera(db):
    return browser_of(person("vera", Role.VIEWER))


# --- closing ---


def test_an_approver_closes_an_incident_with_a_reason_that_the_log_keeps(ada):
    incident = opened()
    assert incident.key in words(ada, INBOX)
    answer = submit(ada, page_of(incident), close_url(incident), reason="A stuck\r\nclient")
    assert "The incident is closed" in messages(ada, answer)
    incident.refresh_from_db()
    assert (incident.closed_by, incident.close_reason) == ("ada", "A stuck\nclient")
    event = AuditEvent.objects.get(type="security_incident_closed")
    assert (event.actor_name, event.action) == ("ada", "denial_burst")
    assert incident.key in bytes(event.body).decode()
    assert b"A stuck" in bytes(event.body)
    assert incident.key not in words(ada, INBOX)
    assert "By ada on" in words(ada, page_of(incident))
    assert close_url(incident) not in forms_on(ada, page_of(incident))


def test_the_inbox_leads_to_an_open_incident_however_old_and_with_its_bundle(ada):
    incident = opened(days=400, status="bundled", bundle={"incident_id": "0a1b2c3d"})
    page = text(ada.get(INBOX))
    assert f'href="{page_of(incident)}"' in page
    assert "You may look into it and close it" in page


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_without_a_reason_nothing_is_closed(ada, reason):
    incident = opened()
    answer = submit(ada, page_of(incident), close_url(incident), reason=reason)
    assert answer.status_code == 400
    assert "This field is required" in text(answer)
    incident.refresh_from_db()
    assert incident.closed_at is None


def test_of_two_who_close_it_the_second_is_told_so(ada):
    linus = browser_of(person("linus", Role.APPROVER))
    incident = opened()
    ada.post(close_url(incident), {"reason": "first"})
    answer = linus.post(close_url(incident), {"reason": "second"})
    assert answer.status_code == 409
    assert "It was closed by ada already" in text(answer)
    incident.refresh_from_db()
    assert incident.close_reason == "first"
    assert AuditEvent.objects.filter(type="security_incident_closed").count() == 1


def test_nobody_closes_what_is_about_them(ada):
    incident = opened(type="break_glass", subject="user:Ada")
    assert "Somebody else must close it: it is about you" in words(ada, page_of(incident))
    assert "somebody else must close what is about you" in words(ada, INBOX)
    assert incident.key not in words(ada, f"{INBOX}?mine=1")
    answer = ada.post(close_url(incident), {"reason": "it was me"})
    assert answer.status_code == 403
    incident.refresh_from_db()
    assert incident.closed_at is None


def test_the_others_about_the_same_are_closed_along_when_that_is_wished(ada):
    first, second, third = opened(3), opened(2), opened(1)
    other = opened(subject="agent:argo")
    assert "2 others that are open about the same" in words(ada, page_of(third))
    ada.post(close_url(first), {"reason": "one"})
    answer = ada.post(close_url(third), {"reason": "both", "alike": "on"})
    assert "2 incidents are closed" in messages(ada, answer)
    closed = SecurityIncident.objects.exclude(closed_at=None).order_by("pk")
    assert [(each.pk, each.close_reason) for each in closed] == [
        (first.pk, "one"),
        (second.pk, "both"),
        (third.pk, "both"),
    ]
    assert AuditEvent.objects.filter(type="security_incident_closed").count() == 3
    assert "alike" not in forms_on(ada, page_of(other))[close_url(other)]


@pytest.mark.django_db(transaction=True)
def test_many_who_close_all_that_are_alike_at_once_wait_for_each_other_in_one_order():
    """Each begins at another one: locked in the order they came, two would wait for ever."""
    incidents = [opened(day) for day in range(6)]

    def close(incident):
        try:
            return len(closing.close(incident.pk, by=ADA, reason="seen", alike=True))
        except closing.AlreadyClosed:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(len(incidents)) as pool:
        with transaction.atomic():
            SecurityIncident.objects.select_for_update().get(pk=incidents[0].pk)
            closings = [pool.submit(close, incident) for incident in incidents]
            while waiting_for_locks() < len(incidents):
                time.sleep(0.01)
        closed = [one.result() for one in closings]
    assert sorted(closed) == [0, 0, 0, 0, 0, 6]
    assert AuditEvent.objects.filter(type="security_incident_closed").count() == 6


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_may_not_decide_sees_it_and_closes_nothing(db, role):
    browser = browser_of(person("vic", role))
    incident = opened()
    assert "It takes the role approver or above to close it" in words(browser, page_of(incident))
    assert close_url(incident) not in forms_on(browser, page_of(incident))
    assert browser.post(close_url(incident), {"reason": "x"}).status_code == 403
    assert "not you: it takes the role approver" in words(browser, INBOX).replace("Not", "not")
    incident.refresh_from_db()
    assert incident.closed_at is None
    assert not AuditEvent.objects.filter(type="security_incident_closed").exists()


def test_who_may_not_read_the_log_sees_none_and_looking_changes_nothing(ada):
    incident = opened()
    stranger = browser_of(somebody("stan", "tickets.view_ticket", "governance.decide_approval"))
    for url in (LIST, page_of(incident)):
        assert stranger.get(url).status_code == 403
    assert stranger.post(close_url(incident), {"reason": "x"}).status_code == 403
    assert ada.get(close_url(incident))["Location"] == page_of(incident)
    assert ada.get(f"{LIST}{incident.pk}/bundle/")["Location"] == page_of(incident)
    assert ada.post(page_of(incident)).status_code == 405
    assert ada.post(f"{LIST}{incident.pk}/delete/").status_code == 403
    assert "no security incident" in messages(ada, ada.post(f"{LIST}999/close/", {"reason": "x"}))
    incident.refresh_from_db()
    assert incident.closed_at is None
    assert not HelpdeskTask.objects.exists()


# --- what led to it ---


def test_the_page_shows_the_alerts_until_it_was_closed_or_the_next_one_opened(vera):
    event = record("credential_refused", actor=K8S, action="did")
    incident, later = opened(2), opened(1)
    alert(incident, opens=True, message="the first", event_key=event.key)
    alert(incident, message="a repetition", at=incident.opened_at + timedelta(minutes=1))
    alert(incident, message="of another day", at=incident.opened_at - timedelta(days=1))
    alert(later, opens=True, message="the next one")
    alert(incident, message="about another", subject="agent:argo")
    said = words(vera, page_of(incident))
    assert "the first" in said
    assert "a repetition" in said
    assert not {"of another day", "the next one", "about another"} & set(
        re.findall("[a-z ]+", said)
    )
    assert "the next one" not in said
    assert f"/admin/governance/auditevent/{event.pk}/change/" in text(vera.get(page_of(incident)))


def test_the_page_counts_how_often_it_was_seen(vera):
    incident = opened(2)
    alert(incident, opens=True)
    assert "times, last on" not in words(vera, page_of(incident))
    last = incident.opened_at + timedelta(hours=3)
    for hours in range(1, 3):
        alert(incident, opens=True, at=incident.opened_at + timedelta(hours=hours))
    alert(incident, at=last)
    assert f"Seen 4 times, last on {last:%Y-%m-%d %H:%M:%S} UTC" in words(vera, page_of(incident))


def test_what_was_asked_for_in_the_same_trace_is_shown_to_who_may_see_it(vera):
    action = Action(
        tool="delete_pod",
        arguments={},
        action_class=ActionClass.DESTRUCTIVE,
        resource=Resource(type="pod", name="shop/web"),
        principal=K8S,
        trace_id="tr_7",
    )
    approvals.request(action, policy="p")
    incident = opened()
    alert(incident, opens=True, trace_id="tr_7", event_key="evt_gone")
    assert "delete_pod on pod:shop/web : Pending" in words(vera, page_of(incident))
    assert "event evt_gone , which is gone" in words(vera, page_of(incident))
    reader = browser_of(somebody("lou", "governance.view_auditevent"))
    assert "delete_pod" not in words(reader, page_of(incident))


def test_the_list_tells_open_from_closed_and_asks_no_more_as_it_grows(ada):
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ada.get(LIST).status_code == 200
        return len(captured)

    done = opened()
    ada.post(close_url(done), {"reason": "x"})
    opened(subject="agent:argo")
    said = words(ada, LIST)
    assert "closed by ada" in said
    assert "denial_burst: agent:argo" in said
    assert "agent:argo" not in words(ada, f"{LIST}?status=closed")
    first = asked()
    for number in range(9):
        opened(subject=f"agent:{number}")
    assert asked() == first


def test_hostile_text_is_inert(ada):
    incident = opened(type=HOSTILE[:30], subject=HOSTILE, bundle={"incident_id": HOSTILE})
    alert(incident, opens=True, message=HOSTILE, trace_id=HOSTILE, event_key=HOSTILE)
    ada.post(close_url(incident), {"reason": HOSTILE})
    for url in (LIST, page_of(incident)):
        page = text(ada.get(url))
        assert "<script>alert" not in page
        assert "⟨U+202E⟩" in page
        assert not re.search("[\u202e\u200b\x1b]", re.sub(r"<a [^>]*>", "", page))


# --- bundles ---


def bundled(incident: SecurityIncident) -> Incident:
    return Incident.objects.create(
        key="0a1b2c3d",
        call="00000000-0000-0000-0000-000000000001",
        trace_id=incident.key,
        asked_by="system:secbot",
        infra_key="security-incident",
        description="Security alert",
        host="h",
        path="/x",
        size=1,
        sha256="0",
        created_at=now(),
    )


def test_the_bundles_of_an_incident_are_for_who_may_see_bundles(ada, vera):
    incident = opened()
    bundle = bundled(incident)
    link = f"/admin/agents/incident/{bundle.pk}/change/"
    assert link in text(ada.get(page_of(incident)))
    assert link not in text(vera.get(page_of(incident)))
    assert "None yet, or none that you may see" in words(vera, page_of(incident))


def test_an_operator_has_a_bundle_made_in_their_own_name_once(db):
    olga = browser_of(person("olga", Role.OPERATOR))
    incident = opened()
    url = f"{LIST}{incident.pk}/bundle/"
    answer = submit(olga, page_of(incident), url)
    assert "A worker makes it now" in messages(olga, answer)
    task = HelpdeskTask.objects.get()
    assert (task.tool, task.trace_id, task.asked_by) == (security.TOOL, incident.key, "olga")
    assert url not in forms_on(olga, page_of(incident))
    assert "being made already" in messages(olga, olga.post(url))
    assert HelpdeskTask.objects.count() == 1
    assert task.key in words(olga, page_of(incident))


def test_a_viewer_has_none_made(vera):
    incident = opened()
    url = f"{LIST}{incident.pk}/bundle/"
    assert url not in forms_on(vera, page_of(incident))
    assert vera.post(url).status_code == 403
    assert not HelpdeskTask.objects.exists()


# --- the update from an older version ---


def test_an_update_closes_what_the_inbox_had_forgotten_and_nothing_else(db):
    old, done, fresh = opened(8), opened(1, status="bundled"), opened(6)
    update = importlib.import_module("governance.migrations.0018_incident_closing")
    with connection.cursor() as cursor:
        cursor.execute(update.CLOSE_FORGOTTEN)
    for incident, closed_by in ((old, "system"), (done, "system"), (fresh, "")):
        incident.refresh_from_db()
        assert incident.closed_by == closed_by
        assert (incident.closed_at is not None) == bool(closed_by)
