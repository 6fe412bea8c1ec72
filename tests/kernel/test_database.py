"""The health check of database connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, close_old_connections, connection, connections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _checked_at_each_request() -> Iterator[None]:
    connection.ensure_connection()
    yield
    connection.close()


def end_from_another_connection(process: int) -> None:
    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [process])
        connections.close_all()

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()


def process_of_ours() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def gone() -> bool:
    deadline = time.monotonic() + 60
    while connection.is_usable():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_good_connection_is_usable_without_asking_the_server():
    statements = []

    def note(execute, *statement):
        statements.append(statement)
        return execute(*statement)

    with connection.execute_wrapper(note):
        assert connection.is_usable()
    assert statements == []


def test_a_connection_that_the_server_ended_is_not():
    end_from_another_connection(process_of_ours())
    assert gone()


def test_the_next_request_after_that_gets_a_new_one():
    old = process_of_ours()
    end_from_another_connection(old)
    assert gone()
    close_old_connections()  # as at the beginning of every request
    assert process_of_ours() != old


def test_after_an_error_the_server_is_asked():
    process = process_of_ours()
    assert connection.is_usable()
    connection.errors_occurred = True
    assert connection.is_usable()
    end_from_another_connection(process)
    assert not connection.is_usable()


def test_a_closed_connection_is_not_usable():
    connection.connection.close()
    assert not connection.is_usable()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_no_processes_are_started_for_a_question():
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_parallel_workers_per_gather")
        assert cursor.fetchone() == ("0",)


def test_what_the_operator_set_in_the_address_stays():
    other = connection.copy()
    chosen = {**other.settings_dict["OPTIONS"], "options": "-c max_parallel_workers_per_gather=3"}
    other.settings_dict = {**other.settings_dict, "OPTIONS": chosen}
    try:
        with other.cursor() as cursor:
            cursor.execute("SHOW max_parallel_workers_per_gather")
            assert cursor.fetchone() == ("3",)
            cursor.execute("SHOW search_path")
            assert cursor.fetchone() == ("public, pg_temp",)
    finally:
        other.close()
