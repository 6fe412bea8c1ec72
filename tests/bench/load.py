"""Requests over kept-alive connections, from a process of its own that costs little itself.

`python -m tests.bench.load` reads a `Spec` as JSON from standard input and writes a `Result`.
Bare sockets: an HTTP client library would use more of the machine than what it measures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from tests.serving.instance import ROOT

WARM_UP_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`seconds` of `method` `path` over `connections`, one request at a time on each."""

    port: int
    path: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 32
    seconds: float = 2.0

    def request(self) -> bytes:
        head = {"Host": f"127.0.0.1:{self.port}", **self.headers}
        if self.body:
            head |= {"Content-Type": "application/json", "Content-Length": str(len(self.body))}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in head.items())]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Times in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    failures: int
    sample: str


def run(spec: Spec) -> Result:
    """The load, from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=ROOT,
        input=json.dumps(asdict(spec)),
        capture_output=True,
        text=True,
        check=True,
    )
    result = Result(**json.loads(done.stdout))
    if result.failures:
        raise RuntimeError(f"{result.failures} requests of {spec.path} failed: {result.sample}")
    return result


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last answer is whole."""

    def __init__(self, request: bytes, times: list[float], failed: list[bytes]) -> None:
        self.request, self.times, self.failed = request, times, failed
        self.counting = False
        self._buffer = bytearray()
        self._whole = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self._buffer.clear()
        self._whole = 0
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._whole and (end := self._buffer.find(b"\r\n\r\n")) > 0:
            head = bytes(self._buffer[:end]).lower()
            length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
            self._whole = end + 4 + int(length)
        if self._whole and len(self._buffer) >= self._whole:
            self._finish()

    def _finish(self) -> None:
        if self.counting:
            self.times.append(time.perf_counter() - self.sent)
            if self._buffer[9:10] != b"2":
                self.failed.append(bytes(self._buffer[:500]))
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.counting:
            self.failed.append(f"connection lost: {exc}".encode())


async def _load(spec: Spec) -> Result:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    failed: list[bytes] = []
    request = spec.request()
    connections = []
    for _ in range(spec.connections):
        made = await loop.create_connection(
            lambda: Connection(request, times, failed), "127.0.0.1", spec.port
        )
        connections.append(made[1])
    await asyncio.sleep(WARM_UP_S)
    for one in connections:
        one.counting = True
    began = time.perf_counter()
    await asyncio.sleep(spec.seconds)
    took = time.perf_counter() - began
    for one in connections:
        one.counting = False
    times.sort()
    return Result(
        rate=len(times) / took,
        p50_ms=_percentile(times, 0.5),
        p99_ms=_percentile(times, 0.99),
        failures=len(failed),
        sample=failed[0].decode("latin-1") if failed else "",
    )


def _percentile(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))] * 1000 if times else 0.0


def main() -> None:
    spec = Spec(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(_load(spec))), sys.stdout)


if __name__ == "__main__":
    main()
