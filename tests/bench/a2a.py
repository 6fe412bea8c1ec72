"""`python -m tests.bench.a2a`: a round trip over A2A beside the bare official SDK.

Ours is the product as it is started: admission, a task's rows, a worker in another process, the
log. The SDK's (`a2a_bare`) keeps its tasks in memory, in the process that answers. Neither agent
has any work: ours is asked what no rule knows. Rounds of both alternate.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

import httpx

from tests.bench.figures import Figure, beside, middle_ratio, say, show
from tests.bench.house import House
from tests.serving.instance import ROOT, free_ports

ROUNDS, CALLS = 6, 60
READY_S = 30.0
METHOD = {"A2A-Version": "1.0"}


def request() -> dict[str, object]:
    message = {
        "messageId": str(uuid.uuid4()),
        "role": "ROLE_USER",
        "parts": [{"text": "Is there nothing to do?"}],
    }
    return {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}


@contextmanager
def bare() -> Iterator[str]:
    port = free_ports()["AURA_AGENT_PORT"]
    command = [sys.executable, "-m", "tests.bench.a2a_bare", str(port)]
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 - our own module
        try:
            deadline = time.monotonic() + READY_S
            while time.monotonic() < deadline:
                try:
                    httpx.get(f"{url}.well-known/agent-card.json")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def round_ms(client: httpx.Client, url: str) -> list[float]:
    """What each of the calls of a round took, one after another on one connection."""
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        answer = client.post(url, json=request()).json()
        times.append((time.perf_counter() - began) * 1000)
        state = answer["result"]["task"]["status"]["state"]
        if state != "TASK_STATE_COMPLETED":
            raise AssertionError(answer)
    return times


def measure() -> list[Figure]:
    ours, theirs = list[list[float]](), list[list[float]]()
    with House() as house, bare() as their_url:
        our_url = house.instance.url("AURA_AGENT_PORT", "/")
        headers = {"Authorization": f"Bearer {house.token}", **METHOD}
        with (
            httpx.Client(headers=headers, timeout=60) as us,
            httpx.Client(headers=METHOD, timeout=60) as them,
        ):
            round_ms(us, our_url), round_ms(them, their_url)  # not counted
            for number in range(ROUNDS):
                ours.append(round_ms(us, our_url))
                theirs.append(round_ms(them, their_url))
                say(
                    f"round {number + 1}: {median(ours[-1]):.1f} ms beside {median(theirs[-1]):.1f}"
                )
    p50 = ([median(one) for one in ours], [median(one) for one in theirs])
    p99 = [quantiles([t for one in side for t in one], n=100)[98] for side in (ours, theirs)]
    return [
        beside(
            "A2A round trip, p50",
            (median(p50[0]), median(p50[1])),
            unit=" ms",
            whose="bare SDK",
            ratio=middle_ratio(*p50),
        ),
        beside("A2A round trip, p99", (p99[0], p99[1]), unit=" ms", whose="bare SDK"),
    ]


if __name__ == "__main__":
    show("A2A", measure())
