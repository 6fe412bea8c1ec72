"""`python -m tests.bench.turn`: a durable turn beside LangGraph's, on the same PostgreSQL.

A turn is one answer of a model that takes no time and one write with a result of 4 kB, kept so that
`kill -9` loses nothing. Ours also judges, logs, chains and announces it. Rounds alternate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg

from aura.embedded.places import Places
from tests.bench.figures import Figure, beside, middle_ratio, say, show
from tests.bench.services import Wal, services
from tests.bench.work import Turns

ROUNDS, TURNS = 8, 50  # as many turns as a ticket has unless somebody grants more
# Turns of the long conversation, of the parts that are compared, and where the first one ends:
# after the turns that carry out a plan's steps, which write a row more.
LONG, WINDOW, EARLY = 100, 30, 50
CROWD, CROWD_ROUNDS = 8, 3


@dataclass(slots=True, kw_only=True)
class Side:
    """One of the two: how it holds a conversation, and what was measured of it."""

    name: str
    prepare: Callable[[int], Any]
    converse: Callable[[Any, Turns], None]
    worker: Callable[[], AbstractContextManager[object]] = nullcontext
    p50_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    fsyncs: list[float] = field(default_factory=list)
    early_bytes: float = 0.0
    late_bytes: float = 0.0

    def one(self, wal: Wal) -> None:
        """A round: one conversation after another has warmed the connection's caches."""
        prepared, turns = self.prepare(TURNS), Turns(TURNS)
        before = wal.fsyncs()
        with self.worker():
            self.converse(prepared, turns)
        self.fsyncs.append((wal.fsyncs() - before) / TURNS)
        self.p50_ms.append(median(turns.times_ms))
        self.cpu_ms.append(turns.cpu_s * 1000 / TURNS)

    def crowd(self) -> None:
        """A round of many conversations at once, each in a thread as in a worker."""
        work = [(self.prepare(TURNS), Turns(TURNS)) for _ in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool, self.worker():
            began = time.perf_counter()
            for done in [pool.submit(self.converse, *each) for each in work]:
                done.result()
            took = time.perf_counter() - began
        self.rates.append(CROWD * TURNS / took)

    def long(self, wal: Wal) -> None:
        """WAL of a turn early and late in one long conversation."""
        positions: list[int] = []
        turns = Turns(LONG, at_each=lambda _: positions.append(wal.position()))
        prepared = self.prepare(LONG)
        wal.checkpoint()
        with self.worker():  # an effect waits for a signature, and a worker has the key
            self.converse(self.prepare(WINDOW), Turns(WINDOW))
            self.converse(prepared, turns)
        self.early_bytes = (positions[EARLY] - positions[EARLY - WINDOW]) / WINDOW
        self.late_bytes = (positions[-1] - positions[-1 - WINDOW]) / WINDOW


def ours() -> Side:
    from tests.bench import desk

    return Side(name="Aura", prepare=desk.executing, converse=desk.converse, worker=desk.linking)


def langgraph(places: Places) -> Side:
    from tests.bench import graph

    with psycopg.connect(places.database_url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE langgraph")
    url = places.database_url("langgraph")
    graph.set_up(url)
    return Side(name="LangGraph", prepare=lambda _: url, converse=graph.converse)


def quieter(values: list[float]) -> float:
    """The median of the better half: what the machine does when nobody else uses it."""
    return median(sorted(values)[: (len(values) + 1) // 2])


def measure(a: Side, b: Side, wal: Wal) -> None:
    for side in (a, b):
        side.long(wal)
        say(f"{side.name}: WAL {side.early_bytes:.0f} then {side.late_bytes:.0f} bytes a turn")
    for _ in range(ROUNDS):
        for side in (a, b):
            side.one(wal)
            say(
                f"{side.name}: p50 {side.p50_ms[-1]:.2f} ms, CPU {side.cpu_ms[-1]:.2f} ms,"
                f" {side.fsyncs[-1]:.2f} fsyncs"
            )
    for _ in range(CROWD_ROUNDS):
        for side in (a, b):
            side.crowd()
            say(f"{side.name}: {side.rates[-1]:.0f} turns/s with {CROWD} at once")


def figures(a: Side, b: Side) -> list[Figure]:
    growth, rate = a.late_bytes / a.early_bytes, middle_ratio(a.rates, b.rates)
    p50, cpu = (quieter(a.p50_ms), quieter(b.p50_ms)), (quieter(a.cpu_ms), quieter(b.cpu_ms))
    fsyncs, rates = (median(a.fsyncs), median(b.fsyncs)), (median(a.rates), median(b.rates))
    return [
        beside("durable turn, p50", p50, unit=" ms", whose=b.name, most=1),
        beside("CPU of a turn", cpu, unit=" ms", whose=b.name),
        beside("WAL fsyncs a turn", fsyncs, unit="", whose=b.name, most=0.5),
        Figure(
            name=f"WAL a turn, turns {LONG - WINDOW}-{LONG} beside {EARLY - WINDOW}-{EARLY}",
            ours=f"{a.late_bytes / 1000:.1f} kB, was {a.early_bytes / 1000:.1f}",
            theirs=f"{b.late_bytes / 1000:.1f} kB, was {b.early_bytes / 1000:.1f} {b.name}",
            ratio=growth,
            promise="flat (<= 1.1)",
            held=growth <= 1.1,
        ),
        beside(
            f"{CROWD} tickets at once", rates, unit=" turns/s", whose=b.name, ratio=rate, least=1
        ),
    ]


def main() -> None:
    with services() as places:
        from tests.bench import desk

        wal = Wal(places)
        say(", ".join(f"{name} {value}" for name, value in wal.durability().items()))
        sides = ours(), langgraph(places)
        with desk.our_tools():
            measure(*sides, wal)
        show("The agent loop", figures(*sides))


if __name__ == "__main__":
    main()
