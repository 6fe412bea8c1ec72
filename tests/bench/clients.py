"""Many clients of an event stream in one process that costs little itself.

`python -m tests.bench.clients` reads a `Crowd` as JSON from the first line of standard input,
writes `ready` when every client is connected, follows until the next line, and then writes what
each client has had. Frames are found by a regular expression: a decoder would cost more than the
server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Self

import uvloop

from tests.serving.instance import ROOT

FRAME = re.compile(rb"id: evt_(\d{16})\nevent: \w+\ndata: [^\n]*?\"n\":(\d+)")
CONNECTED = b"event: connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """`clients` of `path`. Each leaves after `stay` frames, on average, and comes back with the
    last id it has had, `reconnects` times; 0: all stay. They start behind `after`, if given.
    """

    port: int
    token: str
    clients: int
    path: str = "/api/stream"
    reconnects: int = 0
    stay: int = 20
    after: str = ""


class Client(asyncio.Protocol):
    """`had` is (place in the log, the event's number, time of receipt) of every frame."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self.crowd = crowd
        self.had: list[tuple[int, int, float]] = []
        self.left = 0
        self.connected = asyncio.Event()
        self.failures: list[str] = []
        self._dice = random.Random(seed)  # noqa: S311 - the same mixture every time
        self._ended = False

    async def join(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", self.crowd.port)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._buffer = b""
        self._begun = False
        self._stay = len(self.had) + self._dice.randint(1, 2 * self.crowd.stay)
        last = f"evt_{self.had[-1][0]:016d}" if self.had else self.crowd.after
        lines = [
            f"GET {self.crowd.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.crowd.port}",
            f"Authorization: Bearer {self.crowd.token}",
            *([f"Last-Event-ID: {last}"] if last else []),
        ]
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        if not self._begun:
            self._begin()
        whole = self._buffer.rfind(b"\n\n") + 2
        for seq, number in FRAME.findall(self._buffer, 0, whole if whole > 1 else 0):
            self.had.append((int(seq), int(number), now))
        self._buffer = self._buffer[whole if whole > 1 else 0 :]
        if self.left < self.crowd.reconnects and len(self.had) >= self._stay:
            self.left += 1
            self.transport.abort() if self.left % 2 else self.transport.close()

    def _begin(self) -> None:
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self.failures.append(self._buffer[:300].decode("latin-1"))
            self.end()
        elif CONNECTED in self._buffer:
            self._begun = True
            self.connected.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ended:
            return
        if not self._begun:
            self.failures.append(f"closed before it began: {exc}")
        asyncio.get_running_loop().create_task(self.join())

    def end(self) -> None:
        self._ended = True
        self.transport.close()


async def _follow(crowd: Crowd) -> list[dict[str, Any]]:
    clients = [Client(crowd, n) for n in range(crowd.clients)]
    for begin in range(0, crowd.clients, 50):
        some = clients[begin : begin + 50]
        await asyncio.gather(*(client.join() for client in some))
        await asyncio.gather(*(client.connected.wait() for client in some))
    _write("ready")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for client in clients:
        client.end()
    return [{"had": c.had, "left": c.left, "failures": c.failures} for c in clients]


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Followers:
    """The process of a crowd, from the other side. Inside `with` all are connected."""

    def __init__(self, crowd: Crowd) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.clients"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell(json.dumps(asdict(crowd)))

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the clients could not connect")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def had(self) -> list[dict[str, Any]]:
        """End all, and what each has had: `had`, `left`, `failures`."""
        self._tell("end")
        assert self.process.stdout is not None
        answer: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        return answer


def main() -> None:
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    _write(json.dumps(uvloop.run(_follow(crowd))))


if __name__ == "__main__":
    main()
