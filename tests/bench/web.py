"""`python -m tests.bench.web`: requests/s of the API beside a bare handler, and what size costs.

Rounds of ours and of theirs alternate, so that noise of the machine meets both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from statistics import median

from tests.bench.figures import Figure, beside, middle_ratio, say, show
from tests.bench.house import House, serving
from tests.bench.load import Result, Spec, run

ROUNDS, ROUND_S = 4, 1.5
SMALL, LARGE = 1_000, 100_000
LIST = "/api/tickets"
FILTERED = "/api/tickets?status=failed,executing"
TICKET = {"title": "Deploy Redis cluster", "description": "Three nodes. " * 20, "priority": "high"}

Pair = tuple[list[Result], list[Result]]


def of(house: House, path: str, *, method: str = "GET", body: str = "") -> Spec:
    return Spec(
        port=house.port,
        path=path,
        headers=house.headers,
        method=method,
        body=body,
        seconds=ROUND_S,
    )


def alternate(name: str, ours: Spec, theirs: Spec, settled: Callable[[], object] = tuple) -> Pair:
    """Rounds of both; the first of each is not counted. `settled`: awaited before each round."""
    pairs = []
    for number in range(ROUNDS + 1):
        settled()
        a = run(ours)
        settled()
        b = run(theirs)
        if number:
            pairs.append((a, b))
            load = os.getloadavg()[0]
            say(
                f"{name}: {a.rate:.0f}/s p99 {a.p99_ms:.0f} ms"
                f" beside {b.rate:.0f}/s {b.p99_ms:.0f} ms (load {load:.1f})"
            )
    return [a for a, _ in pairs], [b for _, b in pairs]


def rates(name: str, pair: Pair, *, least: float) -> Figure:
    ours, theirs = ([result.rate for result in side] for side in pair)
    ratio = middle_ratio(ours, theirs)
    return beside(
        name, (median(ours), median(theirs)), unit="/s", whose="bare", ratio=ratio, least=least
    )


def sizes(name: str, pair: Pair) -> Figure:
    """Time a request takes at the large size, in times of that at the small one."""
    small, large = ([result.rate for result in side] for side in pair)
    ratio, whose = middle_ratio(small, large), f"of {SMALL:,}"
    return beside(
        name, (median(large), median(small)), unit="/s", whose=whose, ratio=ratio, most=1.5
    )


def quietest(name: str, pair: Pair, *, below_ms: float) -> Figure:
    """p99 of the round in which the machine did least else; the median round beside it."""
    ours, theirs = ([result.p99_ms for result in side] for side in pair)
    return Figure(
        name=f"{name}, p99 of the quietest round",
        ours=f"{min(ours):.0f} ms (median {median(ours):.0f})",
        theirs=f"{min(theirs):.0f} ms bare (median {median(theirs):.0f})",
        ratio=min(ours) / min(theirs),
        promise=f"< {below_ms:g} ms",
        held=min(ours) < below_ms,
    )


def compared_with_bare(small: House) -> list[Figure]:
    with serving("tests.bench.bare", small.database_url) as port:
        listed = alternate("list", of(small, LIST), Spec(port=port, path=LIST, seconds=ROUND_S))
        path = f"{LIST}/{small.one_ticket()}"
        one = alternate("one", of(small, path), Spec(port=port, path=path, seconds=ROUND_S))
        body = json.dumps(TICKET)
        created = alternate(
            "create",
            of(small, LIST, method="POST", body=body),
            Spec(port=port, path=LIST, method="POST", body=body, seconds=ROUND_S),
            small.linked,  # else ours would link theirs too: the log is one
        )
    return [
        rates(f"list 50 of {SMALL:,}", listed, least=0.4),
        rates("create a ticket", created, least=0.5),
        quietest("one ticket", one, below_ms=50),
    ]


def main() -> None:
    with House() as small, House() as large:
        small.fill(SMALL)
        large.fill(LARGE)
        by_size = [
            sizes(f"{name} of {LARGE:,}", alternate(name, of(small, path), of(large, path)))
            for name, path in (("list", LIST), ("list by status", FILTERED))
        ]
        figures = [*compared_with_bare(small), *by_size]
    show("The API with a bearer token, 32 connections", figures)


if __name__ == "__main__":
    main()
