"""GET /api/tickets"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from tests.builders import IN, new_ticket
from tests.contract.wire import invalid, moment, ok, uuid4
from tickets.api.answers import TicketItem
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


def ids(body):
    return [ticket["id"] for ticket in body["tickets"]]


def test_the_answer_is_the_documents_own(api):
    ticket = IN["executing"]()
    body = ok(api.get("/api/tickets"))
    assert list(body) == ["tickets", "total"]
    assert body["total"] == 1
    (item,) = body["tickets"]
    assert list(item.items()) == [
        ("id", str(ticket.pk)),
        ("title", "Deploy Redis cluster"),
        ("status", "executing"),
        ("priority", "medium"),
        ("createdAt", item["createdAt"]),
        ("updatedAt", item["updatedAt"]),
    ]
    uuid4(item["id"])
    assert moment(item["createdAt"]) <= moment(item["updatedAt"])


def test_without_tickets_the_list_is_empty(api):
    assert ok(api.get("/api/tickets")) == {"tickets": [], "total": 0}


def test_the_newest_ticket_comes_first(api):
    old, new = new_ticket(), new_ticket()
    Ticket.objects.filter(pk=old.pk).update(created_at=now() - timedelta(hours=1))
    assert ids(ok(api.get("/api/tickets"))) == [str(new.pk), str(old.pk)]


def test_tickets_of_the_same_moment_are_ordered_by_id_descending(api):
    tickets = [new_ticket() for _ in range(5)]
    Ticket.objects.update(created_at=now())
    expected = sorted((str(ticket.pk) for ticket in tickets), reverse=True)
    assert ids(ok(api.get("/api/tickets"))) == expected


@pytest.fixture
def by_priority():
    return {p: str(new_ticket(priority=p).pk) for p in ("low", "medium", "high", "critical")}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("high", {"high"}),
        ("low,critical", {"low", "critical"}),
        (" low , critical ", {"low", "critical"}),
        (",low,,", {"low"}),
        ("low,low", {"low"}),
        ("", {"low", "medium", "high", "critical"}),
        (" , ", {"low", "medium", "high", "critical"}),
    ],
)
def test_priority_is_a_comma_separated_filter(api, by_priority, wanted, found):
    body = ok(api.get("/api/tickets", {"priority": wanted}))
    assert set(ids(body)) == {by_priority[p] for p in found}
    assert body["total"] == len(found)


def test_a_repeated_filter_is_as_good_as_a_comma(api, by_priority):
    body = ok(api.get("/api/tickets?priority=low&priority=high"))
    assert set(ids(body)) == {by_priority["low"], by_priority["high"]}


def test_status_is_a_comma_separated_filter(api):
    draft, planned, _ = new_ticket(), IN["planning"](), IN["cancelled"]()
    body = ok(api.get("/api/tickets", {"status": "draft,planning"}))
    assert set(ids(body)) == {str(draft.pk), str(planned.pk)}
    assert body["total"] == 2


def test_filters_are_joined_by_and(api):
    new_ticket(priority="high")
    new_ticket()
    wanted = IN["planning"](priority="high")
    body = ok(api.get("/api/tickets", {"status": "planning", "priority": "high"}))
    assert ids(body) == [str(wanted.pk)]


@pytest.mark.parametrize("status", list(IN))
def test_every_status_can_be_asked_for(api, status):
    assert ok(api.get("/api/tickets", {"status": status})) == {"tickets": [], "total": 0}


@pytest.mark.parametrize("name", ["status", "priority"])
@pytest.mark.parametrize("value", ["bogus", "draft,bogus", "DRAFT", "low;high", "\x00", "\ufffd"])
def test_an_unknown_filter_value_is_refused(api, name, value):
    invalid(api.get("/api/tickets", {name: value}), name)


def test_limit_and_offset_cut_the_page_and_total_counts_everything(api):
    for _ in range(5):
        new_ticket()
    everything = ids(ok(api.get("/api/tickets")))
    body = ok(api.get("/api/tickets", {"limit": 2, "offset": 1}))
    assert ids(body) == everything[1:3]
    assert body["total"] == 5


def test_a_page_after_the_end_is_empty(api):
    new_ticket()
    for offset in (1, 1_000_000_000):
        assert ok(api.get("/api/tickets", {"offset": offset})) == {"tickets": [], "total": 1}


def test_fifty_tickets_are_a_page_unless_another_limit_is_asked_for(api):
    Ticket.objects.bulk_create(Ticket(title=str(n), description="x") for n in range(201))
    assert len(ok(api.get("/api/tickets"))["tickets"]) == 50
    assert len(ok(api.get("/api/tickets", {"limit": 1}))["tickets"]) == 1
    body = ok(api.get("/api/tickets", {"limit": 200}))
    assert (len(body["tickets"]), body["total"]) == (200, 201)


@pytest.mark.parametrize("value", ["0", "201", "-1", "x", "", "1.0", "1e2", " 5", "٣", "9" * 5000])
def test_a_limit_is_a_whole_number_from_1_to_200(api, value):
    invalid(api.get("/api/tickets", {"limit": value}), "limit")


@pytest.mark.parametrize("value", ["-1", "x", "", "1.0", "+1", "1000000001", "9" * 5000])
def test_an_offset_is_a_whole_number_from_0(api, value):
    invalid(api.get("/api/tickets", {"offset": value}), "offset")


def test_unknown_parameters_are_ignored(api):
    new_ticket()
    assert ok(api.get("/api/tickets?page=7&sort=title"))["total"] == 1


def test_the_list_asks_the_database_once_however_long_it_is(api, django_assert_num_queries):
    for _ in range(20):
        new_ticket()
    with django_assert_num_queries(1):
        ok(api.get("/api/tickets", {"status": "draft", "limit": 20}))


def test_an_item_of_the_list_is_what_its_serializer_would_write(api):
    title = 'Ünïcode "quoted" \\ back\nslash \u2028 <b>&amp;\t\x7f \U0001f600'
    moment = datetime(2026, 1, 15, 14, 30, 0, 999_999, tzinfo=UTC)
    ticket = new_ticket(title=title)
    Ticket.objects.filter(pk=ticket.pk).update(created_at=moment, updated_at=moment)
    ticket.refresh_from_db()
    (item,) = ok(api.get("/api/tickets"))["tickets"]
    assert list(item.items()) == list(TicketItem(ticket).data.items())
    assert item["createdAt"] == "2026-01-15T14:30:00.999Z"


def test_the_list_is_written_without_spaces(api):
    new_ticket()
    answer = api.get("/api/tickets")
    assert answer.content == json.dumps(answer.json(), separators=(",", ":")).encode()
    assert answer["Content-Type"] == "application/json"
