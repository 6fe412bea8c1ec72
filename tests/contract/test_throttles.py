"""Aura document, Rate Limits: requests, streams and new tickets, over real HTTP and real Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from aura.config import Settings
from aura.kernel import throttling
from tests.children import environment, running
from tests.contract.wire import ok, refused
from tests.serving.instance import eventually, free_ports
from tickets.models import Ticket

STREAMS = 4
REQUESTS = 40


@pytest.fixture(autouse=True)
def no_counts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has asked for anything yet, and Redis was never away."""
    monkeypatch.setattr(throttling, "_redis", throttling._Redis())
    monkeypatch.setattr(throttling, "TIMEOUT_S", 10.0)  # a busy machine is no outage
    throttling._client.cache_clear()
    throttling._windows.cache_clear()
    forget(settings.REDIS_URL, "")


def forget(url: str, what: str) -> None:
    """As if nobody had asked for `what` yet."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"{throttling.PREFIX}*{what}*"):
            client.delete(key)


@pytest.fixture
def throttled(settings: Any) -> None:
    """Three requests a minute and two tickets an hour; 10.0.0.0/8 are proxies."""
    few = {"throttle": "on", "throttle_requests": 3, "throttle_tickets": 2}
    proxies = {"trusted_proxies": (ip_network("10.0.0.0/8"),)}
    settings.AURA = settings.AURA.model_copy(update=few | proxies)


def test_the_figures_are_those_of_the_document_and_off_unless_switched_on() -> None:
    config = Settings.model_construct()
    assert config.throttle == "off"
    figures = (config.throttle_requests, config.throttle_streams, config.throttle_tickets)
    assert figures == (100, 10, 50)


@pytest.mark.django_db
@pytest.mark.usefixtures("throttled")
def test_a_request_too_many_is_refused_in_the_envelope_with_the_time_to_wait(api: Any) -> None:
    for _ in range(3):
        ok(api.get("/api/tickets"))
    response = api.get("/api/tickets")
    error = refused(response, 429, "RATE_LIMITED")
    assert 50 <= int(response["Retry-After"]) <= 60
    assert error["details"] == {"retryAfter": int(response["Retry-After"])}
    assert "3 API requests a minute" in error["message"]


@pytest.mark.django_db
@pytest.mark.usefixtures("throttled", "login_required")
def test_requests_are_counted_before_anybody_is_asked_who_they_are(
    api: Any, django_assert_num_queries: Any
) -> None:
    wrong = {"HTTP_AUTHORIZATION": "Bearer aura_guess"}
    for _ in range(3):
        refused(api.get("/api/tickets", **wrong), 401, "UNAUTHENTICATED")
    with django_assert_num_queries(0):
        refused(api.get("/api/tickets", **wrong), 429, "RATE_LIMITED")


@pytest.mark.django_db
@pytest.mark.usefixtures("throttled")
def test_health_is_never_throttled_and_costs_nothing(api: Any) -> None:
    for _ in range(10):
        assert api.get("/api/health").status_code == 200
    ok(api.get("/api/tickets"))


@pytest.mark.django_db
@pytest.mark.usefixtures("throttled")
def test_each_client_behind_a_proxy_is_counted_by_itself_whatever_it_claims(api: Any) -> None:
    def asks(forwarded: str, peer: str = "10.0.0.1") -> int:
        response = api.get("/api/info", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR=peer)
        return int(response.status_code)

    claims = ["203.0.113.9", "1.1.1.1, 203.0.113.9", "2.2.2.2, 203.0.113.9", "3.3.3.3, 203.0.113.9"]
    assert [asks(claim) for claim in claims] == [200, 200, 200, 429]
    assert asks("203.0.113.10") == 200
    direct = [asks(f"8.8.8.{n}", peer="198.51.100.1") for n in range(4)]
    assert direct == [200, 200, 200, 429], "who is no proxy of ours counts as itself"


@pytest.mark.django_db
def test_tickets_are_counted_when_they_are_opened_and_not_when_they_are_refused(
    api: Any, throttled: None, settings: Any
) -> None:
    del throttled
    settings.AURA = settings.AURA.model_copy(update={"throttle_requests": 100})
    body = {"title": "A", "description": "B"}
    for _ in range(5):
        refused(api.post("/api/tickets", {"title": ""}), 400, "VALIDATION_ERROR")
    for _ in range(2):
        ok(api.post("/api/tickets", body), 201)
    response = api.post("/api/tickets", body)
    assert "2 new tickets an hour" in refused(response, 429, "RATE_LIMITED")["message"]
    assert 3500 <= int(response["Retry-After"]) <= 3600
    assert Ticket.objects.count() == 2
    ok(api.get("/api/tickets"))
    ok(api.post("/api/tickets", body, REMOTE_ADDR="198.51.100.1"), 201)


# --- several web processes ---

SERVER = """
import uvicorn
from django.conf import settings
from aura.kernel import throttling
from tickets.stream import places
throttling.PLACE_S, places.KEEP_EVERY_S = 6.0, 0.5
throttling.TIMEOUT_S = throttling.CONNECT_TIMEOUT_S = 10.0
port = settings.AURA.server_port
uvicorn.run("aura.asgi:application", port=port, log_level="error", proxy_headers=False)
"""


class Web:
    """Two web processes."""

    def __init__(self, stack: ExitStack, data: Path, redis_url: str) -> None:
        self.stack = stack
        self.redis_url = redis_url
        self.processes = []
        self.urls = []
        for number in range(2):
            ports = free_ports()
            env = environment(
                data / str(number),
                **ports,
                AURA_THROTTLE="on",
                AURA_THROTTLE_REQUESTS=REQUESTS,
                AURA_THROTTLE_STREAMS=STREAMS,
            )
            self.processes.append(stack.enter_context(running(SERVER, env)))
            self.urls.append(f"http://127.0.0.1:{ports['AURA_SERVER_PORT']}")
        self.client = stack.enter_context(httpx.Client(timeout=60))
        for url in self.urls:
            eventually(lambda url=url: self._healthy(url), timeout_s=60)

    def _healthy(self, url: str) -> bool:
        try:
            return self.client.get(f"{url}/api/health").status_code == 200
        except httpx.TransportError:
            return False

    def status(self, number: int) -> int:
        return self.client.get(f"{self.urls[number % 2]}/api/info").status_code

    def opened(self, number: int) -> httpx.Response | None:
        """A stream of one of the processes; None when it was refused. To open it is a request."""
        forget(self.redis_url, "requests")
        request = self.client.build_request("GET", f"{self.urls[number % 2]}/api/stream")
        response = self.client.send(request, stream=True)
        if response.status_code == 200:
            self.stack.enter_context(closing(response))
            return response
        with closing(response):
            assert response.status_code == 429
            assert int(response.headers["retry-after"]) > 0
            response.read()
            assert response.json()["error"]["code"] == "RATE_LIMITED"
        return None

    def adds_to(self, streams: list[httpx.Response], number: int, *, full: int = 1) -> bool:
        """Try to open one more. True when there are `full` of them."""
        if (stream := self.opened(number)) is not None:
            streams.append(stream)
        return len(streams) >= full


@pytest.fixture
def web(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Web]:
    del transactional_db
    with ExitStack() as stack:
        yield Web(stack, tmp_path, settings.REDIS_URL)


def test_several_processes_count_together(web: Web) -> None:
    with ThreadPoolExecutor(12) as threads:
        statuses = Counter(threads.map(web.status, range(2 * REQUESTS)))
        assert statuses == {200: REQUESTS, 429: REQUESTS}
        assert web.client.get(f"{web.urls[0]}/api/health").status_code == 200

        tried = list(threads.map(web.opened, range(12)))
    streams = [stream for stream in tried if stream is not None]
    assert len(streams) == STREAMS

    # One that ends makes room for one.
    streams.pop().close()
    again: list[httpx.Response] = []
    eventually(lambda: web.adds_to(again, 0), timeout_s=60)
    assert web.opened(1) is None

    # A process that is killed leaves its places to the others; those of the living one stay.
    survivors = [s for s in [*streams, *again] if str(s.url).startswith(web.urls[1])]
    web.processes[0].kill()
    eventually(lambda: web.adds_to(survivors, 1, full=STREAMS), timeout_s=60)
    assert len(survivors) == STREAMS
    assert web.opened(1) is None
