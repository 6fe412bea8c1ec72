"""Windows and places in a real Redis, and what happens without one."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from aura.embedded import Embedded
from aura.kernel import throttling
from aura.kernel.errors import RateLimited
from aura.kernel.throttling import (
    count_request,
    count_ticket,
    keep_places,
    leave_place,
    take_place,
)
from tests.throttles import patient

HERE = "203.0.113.7"
THERE = "203.0.113.8"


@pytest.fixture(autouse=True)
def throttled(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Five of everything, in windows nobody has used; no memory of outages."""
    few = dict.fromkeys(("throttle_requests", "throttle_streams", "throttle_tickets"), 5)
    forget(settings.REDIS_URL)
    # What a hanging Redis costs is tested with the true figures.
    with patient(settings, monkeypatch, **few):
        yield


def forget(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"{throttling.PREFIX}*"):
            client.delete(key)


def admitted(count: int, address: str = HERE) -> int:
    """How many of so many requests pass."""
    return sum(passes(address) for _ in range(count))


def passes(address: str = HERE) -> bool:
    try:
        count_request(address)
    except RateLimited:
        return False
    return True


def opened(places: list[str], address: str = HERE) -> list[str]:
    """Which of these places are to be had."""
    had = []
    for place in places:
        try:
            take_place(address, place)
        except RateLimited:
            continue
        had.append(place)
    return had


# --- windows ---


def test_what_is_over_the_limit_is_refused_until_the_oldest_request_is_a_minute_old() -> None:
    assert admitted(5) == 5
    with pytest.raises(RateLimited) as refusal:
        count_request(HERE)
    assert refusal.value.status == 429
    assert 50 <= refusal.value.retry_after_s <= 60
    assert refusal.value.details == {"retryAfter": refusal.value.retry_after_s}


def test_refused_requests_do_not_make_the_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    admitted(20)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert admitted(9) == 5


def test_each_address_is_counted_by_itself_and_an_ipv6_host_by_its_network() -> None:
    assert admitted(6, HERE) == 5
    assert admitted(6, THERE) == 5
    assert sum(passes(f"2001:db8:0:1::{n:x}") for n in range(1, 20)) == 5
    assert passes("2001:db8:0:2::1")


def test_of_many_at_once_exactly_the_limit_passes() -> None:
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(lambda _: passes(), range(64))) == 5


def test_tickets_are_counted_apart_from_requests() -> None:
    admitted(5)
    for _ in range(5):
        count_ticket("user:1")
    with pytest.raises(RateLimited) as refusal:
        count_ticket("user:1")
    assert 3500 <= refusal.value.retry_after_s <= 3600
    count_ticket("user:2")


def test_nothing_is_counted_when_it_is_switched_off(settings: Any) -> None:
    settings.AURA = settings.AURA.model_copy(update={"throttle": "off"})
    with socket.create_server(("127.0.0.1", 0)) as unasked:
        settings.REDIS_URL = f"redis://127.0.0.1:{unasked.getsockname()[1]}"
        assert admitted(1000) == 1000
        unasked.settimeout(0)
        with pytest.raises(BlockingIOError):
            unasked.accept()


# --- places ---


def test_a_place_is_free_again_when_it_is_left() -> None:
    assert opened(list("abcdefg")) == list("abcde")
    leave_place(HERE, "c")
    assert opened(["h", "i"]) == ["h"]
    assert opened(["a"], THERE) == ["a"]


def test_a_place_that_nobody_keeps_lapses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "PLACE_S", 0.3)
    assert opened(list("abcde")) == list("abcde")
    monkeypatch.setattr(throttling, "PLACE_S", 600.0)
    keep_places({HERE: ["a", "b"]})
    deadline = time.monotonic() + 30
    lapsed: list[str] = []
    while len(lapsed) < 3:
        lapsed += opened([f"new-{len(lapsed)}"])
        assert time.monotonic() < deadline
    assert opened(["f"]) == [], "a and b were kept"


def test_places_that_redis_forgot_are_there_again_when_they_are_kept(settings: Any) -> None:
    opened(list("abcde"))
    forget(settings.REDIS_URL)
    keep_places({HERE: list("abcde"), THERE: ["z"]})
    assert opened(["f"]) == []
    assert opened(list("uvwxy"), THERE) == list("uvwx")


def test_of_many_streams_opened_at_once_exactly_the_limit_is_open() -> None:
    with ThreadPoolExecutor(16) as threads:
        assert sum(map(len, threads.map(lambda n: opened([str(n)]), range(64)))) == 5


# --- without Redis ---


TIMEOUTS = {name: getattr(throttling, name) for name in ("TIMEOUT_S", "CONNECT_TIMEOUT_S")}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the product."""
    for name, seconds in TIMEOUTS.items():
        monkeypatch.setattr(throttling, name, seconds)


@pytest.fixture
def own_redis(tmp_path: Path, settings: Any) -> Iterator[Any]:
    """A Redis of this test's own, to stop and start again."""
    embedded = Embedded(tmp_path, postgres=False)
    with embedded:
        settings.REDIS_URL = embedded.places.redis_url()
        yield embedded.services[0]


def test_everything_passes_without_redis_and_is_counted_again_with_it(
    own_redis: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(throttling, "QUIET_S", 0.0)
    assert admitted(6) == 5
    own_redis.stop()
    with caplog.at_level(logging.WARNING):
        began = time.monotonic()
        assert admitted(100) == 100
        assert opened([str(n) for n in range(20)]) == [str(n) for n in range(20)]
        keep_places({HERE: ["a"]})
        leave_place(HERE, "a")
        assert time.monotonic() - began < 20
    assert len(caplog.records) == 1, "one warning a minute"
    own_redis.launch()
    own_redis.wait_ready()
    assert admitted(7) == 5, "on the connections that Redis had closed, with scripts it forgot"


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_hangs_costs_one_request_a_tenth_of_a_second(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings.REDIS_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        assert admitted(500) == 500
        assert time.monotonic() - began < 20  # 500 would cost 50 s


@pytest.mark.usefixtures("impatient")
def test_a_machine_that_does_not_answer_costs_no_more(settings: Any) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # until the queue is full, and connecting hangs
            filler.settimeout(0)
            filler.connect_ex(address)
        settings.REDIS_URL = f"redis://127.0.0.1:{address[1]}"
        began = time.monotonic()
        assert admitted(500) == 500
        assert time.monotonic() - began < 20  # 500 would cost 50 s
        for filler in fillers:
            filler.close()
