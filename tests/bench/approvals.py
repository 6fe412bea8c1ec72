"""`python -m tests.bench.approvals`: 1,000 long polls in one process, answered by decisions.

Each waits for a request of its own; another thread decides on them one after another, as a web
process would. Measured is from the decision's commit to the waiter's having the answer, beside what
looking once a second (POLL_S) would take.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import django

from aura.embedded import Embedded
from tests.bench.figures import Figure, say, show

WAITERS, DECISIONS, EVERY_S = 1000, 400, 0.02
USES = 300
ANSWER_MS, FEW = 100.0, 10


def main() -> None:
    environment = os.environ  # noqa: TID251 - a process of its own
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as data:
        services = Embedded(Path(data), postgres=True, redis=True, durable=True)
        environment["AURA_DATA_DIR"] = data
        services.start()
        try:
            environment["AURA_DATABASE_URL"] = services.places.database_url()
            environment["AURA_REDIS_URL"] = services.places.redis_url(0)
            environment["DJANGO_SETTINGS_MODULE"] = "aura.settings"
            environment["AURA_AUTH"] = "off"
            django.setup()
            _measure()
        finally:
            services.stop()


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _measure() -> None:
    from django.core.management import call_command
    from django.db import connections

    from governance import approvals
    from governance.types import (
        Action,
        ActionClass,
        ActorKind,
        Principal,
        Resource,
    )

    call_command("migrate", verbosity=0)
    ada = Principal(kind=ActorKind.USER, name="ada")
    action = Action(
        tool="restart",
        arguments={"name": "db"},
        action_class=ActionClass.WRITE,
        resource=Resource(type="database", name="orders"),
        principal=Principal(kind=ActorKind.AGENT, name="dba"),
        trace_id="tr_1",
    )
    keys = [approvals.request(action, policy="p").key for _ in range(WAITERS)]
    decided: dict[str, float] = {}
    lags: list[float] = []

    def decide() -> None:
        for key in keys[:DECISIONS]:
            approvals.approve(key, by=ada)
            decided[key] = time.monotonic()
            time.sleep(EVERY_S)
        connections.close_all()

    async def waiter(key: str) -> None:
        answer = await approvals.wait(key, 120)
        if answer is not None and answer.status == "approved":
            lags.append(max(0.0, time.monotonic() - decided.get(key, time.monotonic())) * 1000)

    async def scene() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 1.0
        tasks = [asyncio.create_task(waiter(key)) for key in keys]
        await asyncio.sleep(1.5)
        threads = threading.active_count()
        open_files = _open_files()
        await asyncio.to_thread(decide)
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return threads, open_files

    before = threading.active_count(), _open_files()
    threads, files = asyncio.run(scene())
    approved = [approvals.find(key) for key in keys[:USES]]
    began = time.monotonic()
    used = sum(approvals.consume(one.pk, action=action) for one in approved)
    uses_s = used / (time.monotonic() - began)
    lags.sort()
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"{WAITERS} waiters, {len(lags)} of {DECISIONS} decisions answered")
    p50, p99 = lags[len(lags) // 2], lags[int(len(lags) * 0.99)]
    show(
        "waiting for an approval",
        [
            Figure(
                name="from decision to answer, p50 / p99",
                ours=f"{p50:.1f} / {p99:.1f} ms",
                theirs="500 / 990 ms, looking each second",
                promise="<= 100 ms",
                held=p99 <= ANSWER_MS,
            ),
            Figure(
                name=f"threads / open files more, {WAITERS} waiters",
                ours=f"{threads - before[0]} / {files - before[1]}",
                theirs=f"{WAITERS} / {WAITERS}, one each",
                promise="<= 10",
                held=max(threads - before[0], files - before[1]) <= FEW,
            ),
            Figure(
                name="uses of approvals, one after another",
                ours=f"{uses_s:.0f}/s, {rss_mb:.0f} MB resident",
                promise="-",
                held=used == USES,
            ),
        ],
    )


if __name__ == "__main__":
    main()
