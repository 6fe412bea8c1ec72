"""The numbers of tickets that the database keeps (migration 0003) are those of its rows."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum

from tests.builders import new_ticket
from tickets.models import Priority, Status, Ticket, TicketCount

pytestmark = pytest.mark.django_db


def kept() -> dict[tuple[str, str], int]:
    sums = TicketCount.objects.values_list("status", "priority").annotate(Sum("tickets"))
    return {(status, priority): number for status, priority, number in sums if number}


def counted() -> dict[tuple[str, str], int]:
    return dict(Counter(Ticket.objects.values_list("status", "priority")))


def test_new_moved_and_removed_tickets_are_counted():
    first, second, third = (new_ticket(priority="high") for _ in range(3))
    assert kept() == {("draft", "high"): 3}
    Ticket.objects.filter(pk=first.pk).update(status="planning")
    Ticket.objects.filter(pk=second.pk).update(priority="low", status="failed")
    third.delete()
    assert kept() == counted() == {("planning", "high"): 1, ("failed", "low"): 1}


def test_many_at_once_are_counted():
    Ticket.objects.bulk_create(Ticket(title=str(n), description="x") for n in range(50))
    Ticket.objects.update(status="cancelled")
    assert kept() == counted() == {("cancelled", "medium"): 50}


def test_what_changes_neither_status_nor_priority_touches_no_count():
    new_ticket()
    before = list(TicketCount.objects.values_list("id", "tickets"))
    Ticket.objects.update(title="Another", current_turn=3, status="draft")
    assert list(TicketCount.objects.values_list("id", "tickets")) == before


def test_what_is_rolled_back_is_not_counted():
    with transaction.atomic():
        new_ticket()
        transaction.set_rollback(True)
    assert kept() == {}


@pytest.mark.django_db(transaction=True)
def test_an_emptied_table_is_counted_as_empty():
    new_ticket()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE tickets_ticket CASCADE")
    assert not TicketCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_lose_no_count_and_do_not_wait_for_each_other():
    start = threading.Barrier(4)

    def write(seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - the same mixture every time
        try:
            start.wait()
            for _ in range(30):
                with transaction.atomic():
                    ticket = new_ticket(priority=dice.choice(Priority.values))
                    moves = dice.sample(Status.values, 2)  # in any order: no deadlock either
                    for status in moves:
                        Ticket.objects.filter(pk=ticket.pk).update(status=status)
                    if dice.random() < 0.2:
                        transaction.set_rollback(True)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept() == counted()
    assert sum(kept().values()) > 60


@pytest.mark.django_db(transaction=True)
def test_a_count_held_by_another_transaction_is_not_waited_for():
    new_ticket()
    done = threading.Event()

    def beside() -> None:
        try:
            new_ticket()
            done.set()
        finally:
            connections.close_all()

    with transaction.atomic():
        new_ticket()  # holds the row of (draft, medium) until the end of the block
        thread = threading.Thread(target=beside)
        thread.start()
        assert done.wait(60)
    thread.join()
    assert kept() == {("draft", "medium"): 3}
