"""Redis and PostgreSQL gone for a while: what goes on meanwhile, and that all goes on afterwards.

pytest tests/crash/test_outages.py --crash-outage=60
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from aura.embedded import Embedded
from tests.crash.checks import check
from tests.crash.house import House
from tests.crash.people import Person, deploy, deploy_and_be_asked

pytestmark = pytest.mark.timeout(600)

AT_LEAST_S = 2.0  # a busy machine may take that for a request; one that hangs takes longer


class Served(House):
    """A house on services that `up` does not mend, because they are not its own."""

    def __init__(self, root: Path) -> None:
        self.services = Embedded(root / "services")  # durable: a kill is survived
        self.services.start()
        places = self.services.places
        super().__init__(
            root, AURA_DATABASE_URL=places.database_url(), AURA_REDIS_URL=places.redis_url()
        )
        self.places = places

    def close(self) -> None:
        super().close()
        self.services.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    built = Served(tmp_path_factory.mktemp("outage"))
    try:
        built.start()
        finish(built, Person(built.site, deploy("warm")))
        yield built
    finally:
        sys.stdout.write(built.logs(8))  # shown with a failure
        built.close()


@pytest.fixture
def outage_s(request: pytest.FixtureRequest) -> float:
    return float(request.config.option.crash_outage)


@pytest.fixture
def http(house: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.site, timeout=60, trust_env=False) as client:
        yield client


def finish(house: House, *people: Person) -> None:
    for person in people:
        if not person.ticket_id:
            person.start()
    house.until(lambda: all(person.over for person in people), "end of all tickets")
    for person in people:
        check(house, person)


def timed(request: Callable[[], httpx.Response]) -> tuple[float, httpx.Response]:
    began = time.monotonic()
    answer = request()
    return time.monotonic() - began, answer


def slowest_of_a_new_ticket(http: httpx.Client) -> tuple[float, str]:
    """(seconds of the slower of opening and starting it, its id)."""
    wish = deploy("queued")
    body = {"title": wish.title, "description": wish.description}
    opening, made = timed(lambda: http.post("/api/tickets", json=body))
    assert made.status_code == 201, made.text
    ticket_id = made.json()["id"]
    starting, started = timed(lambda: http.post(f"/api/tickets/{ticket_id}/run"))
    assert started.status_code == 202, started.text
    return max(opening, starting), ticket_id


@pytest.mark.parametrize("way", ["dies", "hangs"])
def test_without_redis_the_api_answers_and_the_streams_go_on_and_work_begins_afterwards(
    house, http, outage_s, way
):
    usual = max(slowest_of_a_new_ticket(http)[0] for _ in range(3))
    pid, connections = house.redis_pid(), house.listener.connections
    os.kill(pid, signal.SIGKILL if way == "dies" else signal.SIGSTOP)
    back_at = time.monotonic() + outage_s
    times, tickets = [], []
    while time.monotonic() < back_at:
        taken, ticket_id = slowest_of_a_new_ticket(http)
        times.append(taken)
        tickets.append(ticket_id)
        house.listener_saw_all()  # it polls the log
        time.sleep(0.3)
    if way == "dies":
        house.services.heal()
    else:
        os.kill(pid, signal.SIGCONT)
    back = time.monotonic()
    for ticket_id in tickets:
        house.until(
            lambda one=ticket_id: http.get(f"/api/tickets/{one}").json()["plan"], "queued work"
        )
    sys.stdout.write(
        f"\nRedis {way} for {outage_s:g} s: slowest of {2 * len(times)} requests {max(times):.2f} s"
        f" (before: {usual:.2f}); {len(tickets)} tickets planned {time.monotonic() - back:.1f} s"
        " after it was back\n"
    )
    assert max(times) < max(AT_LEAST_S, 5 * usual)
    assert house.listener.connections == connections
    house.listener_saw_all()


def test_without_postgresql_the_api_says_so_and_the_work_goes_on_afterwards(house, http, outage_s):
    working = [Person(house.site, deploy("alpha")), Person(house.site, deploy_and_be_asked("beta"))]
    for person in working:
        person.start()
    # Not all at once "planning": the first may be through before the second begins.
    house.until(lambda: all(p.ticket.get("status", "draft") != "draft" for p in working), "work")
    house.kill_postgres()
    back_at = time.monotonic() + min(outage_s, 10.0)
    for verb, path in _while(back_at):
        taken, answer = timed(lambda verb=verb, path=path: http.request(verb, path, json={}))
        assert answer.status_code == 503, f"{verb} {path}: {answer.status_code} {answer.text}"
        assert answer.json()["error"]["code"] == "UNAVAILABLE"
        assert taken < AT_LEAST_S
    assert http.get("/api/health").json()["database"] == "disconnected"
    house.services.heal()
    finish(house, *working)
    house.listener_saw_all()
    attempts = house.ask("SELECT max(attempts), max(failures) FROM agents_run")
    assert attempts == [(0, 0)]


def _while(back_at: float) -> Iterator[tuple[str, str]]:
    """Requests of every kind until then."""
    unknown = "00000000-0000-4000-8000-000000000000"
    time.sleep(0.5)  # sessions end a moment after their server
    while time.monotonic() < back_at:
        yield "GET", "/api/tickets"
        yield "GET", f"/api/tickets/{unknown}"
        yield "POST", f"/api/tickets/{unknown}/run"
        yield "GET", "/api/stream"
        yield "GET", f"/api/tickets/{unknown}/stream"
        yield "GET", "/api/stats"
        time.sleep(0.3)
