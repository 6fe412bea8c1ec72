"""Rows as JSON: PostgreSQL makes of them what the ORM would have written."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models import Model
from django.utils.timezone import now

from aura.kernel.database.packed import insertion, packed
from governance.audit.record import recorded_apart
from governance.models import AuditEvent
from governance.types import SYSTEM
from tickets.events import tell
from tickets.models import Priority, Status, Ticket

pytestmark = pytest.mark.django_db


def a_ticket(**more: Any) -> Ticket:
    moment = now()
    given = {"title": "Deploy", "description": "Three nodes"} | more
    return Ticket(created_at=moment, updated_at=moment + timedelta(microseconds=1), **given)


def insert(*rows: Model) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*insertion(map(packed, rows)))


def fields(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"title": 'Ć "quoted" \\x41 \u2028 \U0001f600', "description": "a\nb\t\\u0041"},
        {"status": Status.FAILED, "priority": Priority.LOW},
        {"estimated_cost": Decimal("123456.00000001"), "prompt_tokens": 2**62},
        {"plan": {"steps": [{"no": 1, "cost": 1.5, "done": None}]}, "commits": ["a", "Ć"]},
        {"plan": "text", "resolved_at": now()},
    ],
)
def test_a_row_is_what_the_orm_writes(more):
    ours = a_ticket(**more)
    insert(ours)
    theirs = a_ticket(**more, id=ours.pk)
    found = fields(Ticket.objects.get(pk=ours.pk))
    Ticket.objects.filter(pk=ours.pk).delete()
    theirs.created_at, theirs.updated_at = ours.created_at, ours.updated_at
    theirs.save(force_insert=True)
    assert found == fields(Ticket.objects.get(pk=ours.pk))


def test_rows_of_several_models_go_together_and_each_has_its_key():
    tickets = [a_ticket(title=str(n)) for n in range(3)]
    with recorded_apart() as events:
        for ticket in tickets:
            tell(ticket, "ticket_created", actor=SYSTEM)
    insert(*(row for pair in zip(tickets, events, strict=True) for row in pair))
    assert Ticket.objects.count() == 3
    written = AuditEvent.objects.filter(type="ticket_created").order_by("pk")
    assert [event.trace_id for event in written] == [str(ticket.pk) for ticket in tickets]
    assert [bytes(event.body) for event in written] == [event.body for event in events]


def test_how_many_rows_there_are_does_not_change_the_statement():
    one, two = a_ticket(), a_ticket()
    assert insertion([packed(one)])[0] == insertion([packed(one), packed(two)])[0]


def test_what_the_database_does_not_take_is_refused_as_always():
    with pytest.raises(DataError), transaction.atomic():
        insert(a_ticket(title="\x00"))


@pytest.mark.parametrize("wrong", [{"title": object()}, {"title": "\ud800"}, {"plan": {1j: 1}}])
def test_what_json_has_no_form_for_is_no_row(wrong):
    with pytest.raises(TypeError):
        packed(a_ticket(**wrong))


def test_a_column_that_the_database_should_fill_is_not_passed_over():
    with pytest.raises(TypeError):
        packed(Ticket(title="Deploy", description="Three nodes"))
