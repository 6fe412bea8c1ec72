"""`python -m tests.bench.gateway`: a direct read tool over the gateway, beside the bare SQL.

A real `up` with its embedded database registered. The comparison asks the same server the same
question over one connection that stays open.
"""

from __future__ import annotations

import json
import time
from statistics import median, quantiles

import httpx
import psycopg

from tests.bench.figures import Figure, say, show
from tests.bench.house import House
from tests.bench.load import Result, Spec, run

TOOL, DATABASE = "get_connection_stats", "local-db"
# About what the tool asks for.
SQL = """
SELECT datname, count(*), count(*) FILTER (WHERE state = 'active'),
       count(*) FILTER (WHERE state = 'idle'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
       count(*) FILTER (WHERE wait_event_type = 'Lock')
FROM pg_stat_activity WHERE datname IS NOT NULL GROUP BY datname
"""
CALLS, CLIENTS, SECONDS = 200, 16, 8.0
OVERHEAD_MS, A_SECOND = 25.0, 100.0


class Gateway:
    """An operator's client of one house."""

    def __init__(self, house: House) -> None:
        self.port = house.instance.ports["AURA_GATEWAY_PORT"]
        self.url = f"http://127.0.0.1:{self.port}/api/v1/db/{TOOL}"
        self.headers = house.operator_headers
        self.body = {"connection_string": DATABASE}

    def call_ms(self, http: httpx.Client) -> float:
        began = time.perf_counter()
        answer = http.post(self.url, json=self.body, headers=self.headers)
        took = (time.perf_counter() - began) * 1000
        answer.raise_for_status()
        if answer.json()["state"] != "completed":
            raise RuntimeError(answer.text)
        return took

    def crowd(self) -> Result:
        """Many clients side by side, from a process that costs little itself."""
        return run(
            Spec(
                port=self.port,
                path=f"/api/v1/db/{TOOL}",
                method="POST",
                body=json.dumps(self.body),
                headers=self.headers,
                connections=CLIENTS,
                seconds=SECONDS,
            )
        )


def bare_ms(database: psycopg.Connection[tuple[object, ...]]) -> float:
    began = time.perf_counter()
    database.execute(SQL).fetchall()
    return (time.perf_counter() - began) * 1000


def main() -> None:
    with House() as house:
        gateway = Gateway(house)
        with (
            httpx.Client(timeout=30, trust_env=False) as http,
            psycopg.connect(house.database_url, autocommit=True) as database,
        ):
            for _ in range(20):  # imports, connections, plans
                gateway.call_ms(http)
                bare_ms(database)
            pairs = [(gateway.call_ms(http), bare_ms(database)) for _ in range(CALLS)]
        ours, bare = (median(column) for column in zip(*pairs, strict=True))
        say(f"one after the other: p99 {quantiles([a for a, _ in pairs], n=100)[98]:.0f} ms")
        crowd = gateway.crowd()
        say(f"{CLIENTS} clients: p50 {crowd.p50_ms:.0f} ms, p99 {crowd.p99_ms:.0f} ms")
        if crowd.failures:
            raise RuntimeError(f"{crowd.failures} calls failed: {crowd.sample}")
    rate = crowd.rate
    show(
        "direct read tools over the gateway",
        [
            Figure(
                name="overhead of a call, p50",
                ours=f"{ours:.1f} ms",
                theirs=f"{bare:.1f} ms the bare SQL",
                promise=f"< {OVERHEAD_MS:.0f} ms more",
                held=ours - bare < OVERHEAD_MS,
            ),
            Figure(
                name=f"calls of {CLIENTS} clients",
                ours=f"{rate:.0f}/s",
                promise=f">= {A_SECOND:.0f}/s",
                held=rate >= A_SECOND,
            ),
        ],
    )


if __name__ == "__main__":
    main()
