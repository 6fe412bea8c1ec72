"""`python -m tests.bench.streams`: a thousand clients of one process, and a storm of reconnects."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import psycopg

from tests.bench.clients import Crowd, Followers
from tests.bench.figures import Figure, say, show
from tests.bench.house import House, pss_kb
from tests.serving.instance import ROOT

CLIENTS = 1_000
EVENTS, PER_SECOND = 60, 3.0
STORM_CLIENTS, RECONNECTS = 200, 10
STORM_EVENTS, STORM_PER_SECOND = 600, 30.0


def commits(house: House, events: int, per_second: float) -> list[float]:
    """Commit events in a process of its own; the time of each."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.bench.writer", str(events), str(per_second)],
        cwd=ROOT,
        env=house.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    committed: list[float] = json.loads(done.stdout)
    return committed


def connections(house: House) -> int:
    """How many the server has, all processes together, but for this one."""
    with psycopg.connect(house.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def crowd_of(house: House, **more: Any) -> Crowd:
    return Crowd(port=house.port, token=house.token, **more)


def many(house: House) -> list[Figure]:
    with Followers(crowd_of(house, clients=5)) as few:  # everything is imported now
        few.had()
    time.sleep(1)
    memory, before = pss_kb(house.pid), connections(house)
    with Followers(crowd_of(house, clients=CLIENTS)) as followers:
        say(f"{CLIENTS:,} clients are connected")
        committed = commits(house, EVENTS, PER_SECOND)
        time.sleep(2)
        each_kb = (pss_kb(house.pid) - memory) / CLIENTS
        held = max(0, connections(house) - before) + 1
        answers = followers.had()
    lags = sorted(
        (at - committed[number]) * 1000 for one in answers for _, number, at in one["had"]
    )
    missing = CLIENTS * EVENTS - len(lags)
    p50, p99 = lags[len(lags) // 2], lags[int(len(lags) * 0.99)]
    return [
        Figure(
            name=f"commit to receipt, {CLIENTS:,} clients",
            ours=f"p50 {p50:.0f}, p99 {p99:.0f} ms",
            theirs=f"{missing} of {CLIENTS * EVENTS:,} missing",
            promise="p99 < 300 ms",
            held=p99 < 300 and not missing,
        ),
        Figure(
            name="memory a client",
            ours=f"{each_kb:.0f} KB",
            promise="< 30 KB",
            held=each_kb < 30,
        ),
        Figure(
            name="database connections",
            ours=str(held),
            theirs=f"{CLIENTS:,} clients",
            promise="<= 8",
            held=held <= 8,
        ),
    ]


def storm(house: House) -> Figure:
    """Clients that leave and come back while events are committed: everybody has everything."""
    say(f"a storm of {STORM_CLIENTS} clients")
    crowd = crowd_of(house, clients=STORM_CLIENTS, reconnects=RECONNECTS, stay=STORM_EVENTS // 40)
    with Followers(crowd) as followers:
        commits(house, STORM_EVENTS, STORM_PER_SECOND)
        time.sleep(5)
        answers = followers.had()
    lost = doubled = disordered = 0
    for one in answers:
        numbers = [number for _, number, _ in one["had"]]
        lost += STORM_EVENTS - len(set(numbers))
        doubled += len(numbers) - len(set(numbers))
        disordered += sum(b[0] <= a[0] for a, b in pairwise(one["had"]))
    left = sum(one["left"] for one in answers)
    failures = sum(len(one["failures"]) for one in answers)
    return Figure(
        name=f"storm, {STORM_CLIENTS} x {RECONNECTS}",
        ours=f"{lost} lost, {doubled} doubled, {disordered} out of order",
        theirs=f"{left:,} reconnects, {failures} refused",
        promise="0, 0, 0",
        held=not (lost or doubled or disordered or failures) and left > 0,
    )


def main() -> None:
    with House() as house:
        figures = many(house)
        figures.append(storm(house))
    show("Event streams of one process", figures)


if __name__ == "__main__":
    main()
