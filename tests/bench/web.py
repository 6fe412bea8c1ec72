"""`python -m tests.bench.web`: requests/s of the API beside a bare handler, and what size costs.

Rounds of ours and of theirs alternate, so that noise of the machine meets both.
"""

from __future__ import annotations

import json
from statistics import median

from tests.bench.figures import Figure, middle_ratio, say, show
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


def alternate(name: str, ours: Spec, theirs: Spec) -> Pair:
    """Rounds of both; the first of each is not counted."""
    run(ours), run(theirs)
    pairs = [(run(ours), run(theirs)) for _ in range(ROUNDS)]
    for a, b in pairs:
        say(f"{name}: {a.rate:.0f}/s p99 {a.p99_ms:.0f} ms beside {b.rate:.0f}/s {b.p99_ms:.0f} ms")
    return [a for a, _ in pairs], [b for _, b in pairs]


def rates(name: str, pair: Pair, *, least: float) -> Figure:
    ours, theirs = ([result.rate for result in side] for side in pair)
    ratio = middle_ratio(ours, theirs)
    return Figure(
        name=name,
        ours=f"{median(ours):.0f}/s",
        theirs=f"{median(theirs):.0f}/s bare",
        ratio=ratio,
        promise=f">= {least:g}",
        held=ratio >= least,
    )


def sizes(name: str, pair: Pair) -> Figure:
    """Time a request takes at the large size, in times of that at the small one."""
    small, large = ([result.rate for result in side] for side in pair)
    ratio = middle_ratio(small, large)
    return Figure(
        name=name,
        ours=f"{median(large):.0f}/s",
        theirs=f"{median(small):.0f}/s of {SMALL:,}",
        ratio=ratio,
        promise="<= 1.5",
        held=ratio <= 1.5,
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
        )
    p99 = median(result.p99_ms for result in one[0])
    theirs = median(result.p99_ms for result in one[1])
    return [
        rates(f"list 50 of {SMALL:,}", listed, least=0.4),
        rates("create a ticket", created, least=0.5),
        Figure(
            name="one ticket, p99",
            ours=f"{p99:.0f} ms",
            theirs=f"{theirs:.0f} ms bare",
            ratio=p99 / theirs,
            promise="< 50 ms",
            held=p99 < 50,
        ),
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
