"""POST /api/alerts/:source and GET /api/alerts"""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
from django.db import connections
from django.forms.models import model_to_dict

from governance.types import Role
from tests.builders import log_of
from tests.contract.wire import ok, refused, woken
from tests.people import headers_of, person
from tickets.models import Alert, Status, Ticket

pytestmark = pytest.mark.django_db

FIRING: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="PodCrashLooping"}',
    "status": "firing",
    "receiver": "aura",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "PodCrashLooping",
                "namespace": "shop",
                "deployment": "checkout",
                "severity": "critical",
            },
            "annotations": {"summary": "checkout restarts again and again"},
            "startsAt": "2026-11-22T03:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus/graph?g0=1",
            "fingerprint": "8f1c2a3b4c5d6e7f",
        }
    ],
}
INCIDENT: dict[str, Any] = {
    "event": {
        "id": "01ABC",
        "event_type": "incident.triggered",
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "title": "A little bump in the road",
            "urgency": "high",
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "service": {"id": "PF9KMXH", "summary": "API Service"},
            "priority": {"id": "PSO75BM", "summary": "P1"},
        },
    }
}


def over(message: dict[str, Any]) -> dict[str, Any]:
    """The message that all its alerts have resolved."""
    later = copy.deepcopy(message)
    for alert in later["alerts"]:
        alert["status"] = "resolved"
    return later


def with_alert(name: str, **labels: str) -> dict[str, Any]:
    """The same group with one alert, of this fingerprint."""
    message = copy.deepcopy(FIRING)
    message["alerts"][0]["fingerprint"] = name
    message["alerts"][0]["labels"].update(labels)
    return message


@pytest.mark.parametrize(
    ("source", "body", "field"),
    [
        ("alertmanager", {}, "alerts"),
        ("alertmanager", {"alerts": "none"}, "alerts"),
        ("grafana", {"alerts": [7]}, "alerts.0"),
        ("grafana", {"alerts": [{"status": "perhaps"}]}, "alerts.0.status"),
        ("alertmanager", {"alerts": [{"status": "firing", "labels": []}]}, "alerts.0.labels"),
        ("alertmanager", {"alerts": [{"status": "firing"}] * 1001}, "alerts"),
        ("pagerduty", {}, "event"),
        ("pagerduty", {"event": {"event_type": "incident.triggered"}}, "event"),
        (
            "pagerduty",
            {"event": {"event_type": "incident.triggered", "data": {}}},
            "event.data.id",
        ),
    ],
)
def test_a_message_that_is_none_is_refused_by_its_field(api, source, body, field):
    error = refused(api.post(f"/api/alerts/{source}", body), 400, "VALIDATION_ERROR")
    assert list(error["details"]) == [field]
    assert not Ticket.objects.exists()


def test_another_monitoring_system_is_unknown(api):
    error = refused(api.post("/api/alerts/nagios", FIRING), 404, "NOT_FOUND")
    assert "alertmanager, grafana, pagerduty" in error["message"]


@pytest.mark.usefixtures("login_required")
def test_a_viewer_may_read_alerts_and_not_send_them(api):
    viewer = headers_of(person("vera", Role.VIEWER))
    refused(api.post("/api/alerts/alertmanager", FIRING, **viewer), 403, "FORBIDDEN")
    refused(api.post("/api/alerts/alertmanager", FIRING), 401, "UNAUTHENTICATED")
    assert ok(api.get("/api/alerts", **viewer)) == {"alerts": [], "total": 0}


def test_an_alert_opens_a_ticket_that_says_what_it_says(api):
    taken = ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    ticket = Ticket.objects.get()
    assert taken == {
        "opened": [str(ticket.pk)],
        "joined": [],
        "cancelled": [],
        "repeated": 0,
        "resolved": 0,
        "unknown": 0,
    }
    assert (ticket.title, ticket.priority) == (
        "PodCrashLooping: checkout restarts again and again",
        "critical",
    )
    first, told = ticket.description.split("\n\n")
    assert first == "Find out what is wrong with checkout in namespace shop, and mend it."
    assert "namespace=shop" in told.splitlines()
    assert "link: http://prometheus/graph?g0=1" in told.splitlines()
    (item,) = ok(api.get("/api/alerts"))["alerts"]
    assert (item["sender"], item["ticketId"], item["times"], item["resolvedAt"]) == (
        "alertmanager",
        str(ticket.pk),
        1,
        None,
    )


def test_its_ticket_is_worked_on_at_once(api, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    ticket = Ticket.objects.get()
    assert ticket.status == Status.PLANNING
    assert woken(callbacks) == [ticket.pk]
    assert [event.type for event in log_of(ticket)][0::2] == ["ticket_created", "alert_received"]


def test_or_waits_for_a_person_where_that_is_wanted(api, settings):
    settings.AURA = settings.AURA.model_copy(update={"alerts_run": False})
    ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    assert Ticket.objects.get().status == Status.DRAFT


def test_the_same_alert_again_is_counted_and_opens_nothing(api):
    ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    again = ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    assert (again["opened"], again["repeated"]) == ([], 1)
    assert (Ticket.objects.count(), Alert.objects.get().times) == (1, 2)


def test_another_alert_of_the_group_joins_its_ticket(api):
    ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    ticket = Ticket.objects.get()
    joined = ok(api.post("/api/alerts/alertmanager", with_alert("other", pod="checkout-1")), 202)
    assert (joined["opened"], joined["joined"]) == ([], [str(ticket.pk)])
    assert ticket.alerts.count() == 2


def test_alerts_of_one_message_are_one_ticket(api):
    message = copy.deepcopy(FIRING)
    message["alerts"] += with_alert("other")["alerts"]
    ok(api.post("/api/alerts/grafana", message), 202)
    assert Ticket.objects.get().title.endswith("(and 1 more)")
    assert Alert.objects.count() == 2


def test_when_all_have_resolved_a_ticket_that_nobody_released_is_cancelled(api):
    message = copy.deepcopy(FIRING)
    message["alerts"] += with_alert("other")["alerts"]
    ok(api.post("/api/alerts/alertmanager", message), 202)
    ticket = Ticket.objects.get()
    one = ok(api.post("/api/alerts/alertmanager", over(FIRING)), 202)
    assert (one["resolved"], one["cancelled"]) == (1, [])
    last = ok(api.post("/api/alerts/alertmanager", over(with_alert("other"))), 202)
    assert last["cancelled"] == [str(ticket.pk)]
    ticket.refresh_from_db()
    assert ticket.status == Status.CANCELLED


def test_a_plan_that_was_approved_goes_on_when_the_alert_resolves(api):
    ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    Ticket.objects.update(status=Status.OBSERVING)
    later = ok(api.post("/api/alerts/alertmanager", over(FIRING)), 202)
    assert (later["resolved"], later["cancelled"]) == (1, [])
    assert log_of(Ticket.objects.get())[-1].type == "alert_resolved"


def test_an_alert_that_fires_again_after_its_end_opens_another_ticket(api):
    ok(api.post("/api/alerts/alertmanager", FIRING), 202)
    ok(api.post("/api/alerts/alertmanager", over(FIRING)), 202)
    assert ok(api.post("/api/alerts/alertmanager", FIRING), 202)["opened"]
    assert Ticket.objects.count() == 2


@pytest.mark.usefixtures("login_required")
def test_only_who_sent_an_alert_says_that_it_is_over(api):
    monitoring = headers_of(person("alertmanager", Role.OPERATOR))
    another = headers_of(person("olga", Role.OPERATOR))
    ok(api.post("/api/alerts/alertmanager", FIRING, **monitoring), 202)
    told = ok(api.post("/api/alerts/alertmanager", over(FIRING), **another), 202)
    assert (told["unknown"], told["cancelled"]) == (1, [])
    told = ok(api.post("/api/alerts/alertmanager", over(FIRING), **monitoring), 202)
    assert told["cancelled"] == [str(Ticket.objects.get().pk)]


def test_resolving_what_never_fired_here_is_no_failure(api):
    assert ok(api.post("/api/alerts/alertmanager", over(FIRING)), 202)["unknown"] == 1


def test_an_incident_of_pagerduty_opens_and_closes_a_ticket(api):
    ok(api.post("/api/alerts/pagerduty", INCIDENT), 202)
    ticket = Ticket.objects.get()
    assert (ticket.title, ticket.priority) == (
        "A little bump in the road: API Service",
        "critical",
    )
    later = copy.deepcopy(INCIDENT)
    later["event"]["event_type"] = "incident.resolved"
    assert ok(api.post("/api/alerts/pagerduty", later), 202)["cancelled"] == [str(ticket.pk)]
    later["event"]["event_type"] = "pagey.ping"
    assert ok(api.post("/api/alerts/pagerduty", later), 202)["opened"] == []


TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def stored_of(ticket: Ticket) -> str:
    """All that was kept of its alerts."""
    rows = [model_to_dict(row) for row in ticket.alerts.all()]
    return f"{ticket.title}\n{ticket.description}\n{rows}\n{log_of(ticket)}"


@pytest.mark.parametrize(
    ("place", "said", "kept"),
    [
        (("annotations", "description"), f"clone with {TOKEN} fails", "clone with [redacted"),
        (("annotations", "summary"), "dial postgres://app:hunter22@db/shop: timeout", "@db/shop"),
        (("annotations", "db_password"), "hunter22", "db_password"),
        (("labels", "api_token"), "9f8e7d6c5b4a39281706", "api_token"),
        (("labels", "pod"), TOKEN, "pod"),
        (("labels", "alertname"), f"Failed {TOKEN}", "Failed [redacted"),
        (("labels", TOKEN), "x", "[redacted"),
        (("generatorURL",), "https://ada:hunter22@prometheus/graph?g0=1", "prometheus/graph?g0=1"),
    ],
)
def test_credentials_in_an_alert_are_kept_nowhere(api, place, said, kept):
    message = copy.deepcopy(FIRING)
    inside = message["alerts"][0]
    for name in place[:-1]:
        inside = inside[name]
    inside[place[-1]] = said
    ok(api.post("/api/alerts/grafana", message), 202)
    stored = stored_of(Ticket.objects.get())
    assert "[redacted:" in stored
    assert kept in stored
    for secret in (TOKEN, "hunter22", "9f8e7d6c5b4a39281706"):
        assert secret not in stored
        assert secret not in api.get("/api/alerts").content.decode()


def test_a_credential_at_the_end_of_what_is_kept_is_not_cut_into_an_unknown_one(api):
    message = copy.deepcopy(FIRING)
    message["alerts"][0]["annotations"]["description"] = f"{'x ' * 1990}{TOKEN}"
    ok(api.post("/api/alerts/grafana", message), 202)
    assert TOKEN[:12] not in stored_of(Ticket.objects.get())


def test_credentials_in_an_incident_of_pagerduty_are_kept_nowhere(api):
    incident = copy.deepcopy(INCIDENT)
    incident["event"]["data"] |= {"title": f"Bump {TOKEN}", "incident_key": f"ci/{TOKEN}"}
    ok(api.post("/api/alerts/pagerduty", incident), 202)
    stored = stored_of(Ticket.objects.get())
    assert "Bump [redacted:github_token]" in stored
    assert TOKEN not in stored


def test_what_triage_needs_of_an_alert_is_kept_as_it_came(api):
    """Labels of kube-state-metrics; names are no credentials, whatever they are names of."""
    labels = {
        "alertname": "KubeSecretCertExpiry",
        "namespace": "shop",
        "secret": "db-credentials",
        "service": "token-service",
        "pod": "checkout-7d9f8b6c5-x2x4z",
        "container_id": "containerd://3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a",
        "image": "registry.example.com:5000/shop/checkout@sha256:" + "3f" * 32,
        "uid": "00000000-0000-4000-8000-000000000000",
        "severity": "critical",
    }
    message = copy.deepcopy(FIRING)
    message["alerts"][0] |= {
        "labels": labels,
        "annotations": {
            "description": "Pod shop/checkout (password rotation): 3 restarts: see the runbook.",
            "runbook_url": "https://runbooks.example.com/x?y=1#z",
        },
    }
    ok(api.post("/api/alerts/alertmanager", message), 202)
    row = Alert.objects.get()
    assert row.labels == labels
    assert row.annotations == message["alerts"][0]["annotations"]


@pytest.mark.django_db(transaction=True)
def test_two_alertmanagers_that_send_the_same_at_once_open_one_ticket(api):
    start, answers = threading.Barrier(4), []

    def send() -> None:
        try:
            start.wait()
            answers.append(ok(api.post("/api/alerts/alertmanager", FIRING), 202))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(answer["opened"]) for answer in answers) == 1
    assert (Ticket.objects.count(), Alert.objects.get().times) == (1, 4)
