"""A running `manage.py up` of the test's own: own ports, own data directory."""

from __future__ import annotations

import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.processes import command_lines, processes

ROOT = Path(__file__).resolve().parents[2]
READY_S = 100.0  # a machine that does much else took 41; below the 120 s of a test


def bare_environment() -> dict[str, str]:
    """Ours without any setting of the product.

    Python may keep what it compiled, as on any user's machine: a start takes half the time then.
    """
    mine = os.environ  # noqa: TID251 - handed on to a process of its own
    kept = {name: value for name, value in mine.items() if not name.startswith("AURA_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


BLOCK = 12
_given: set[int] = set()


def free_ports() -> dict[str, int]:
    """A value for every port setting, from a block that is free now and was not given before.

    Not from `random`: pytest-randomly seeds it alike in all workers, which then chose alike.
    """
    while True:
        base = 20_000 + BLOCK * secrets.randbelow(750)  # below ephemeral ports
        if base in _given:
            continue
        with ExitStack() as stack, suppress(OSError):
            for port in range(base, base + BLOCK):
                probe = stack.enter_context(socket.socket())
                probe.bind(("127.0.0.1", port))
            _given.add(base)
            return {
                "AURA_AGENT_PORT": base,  # and + 2, + 4, + 6
                "AURA_SERVER_PORT": base + 8,
                "AURA_GATEWAY_PORT": base + 9,
                "AURA_AUDITD_PORT": base + 10,
                "AURA_SECBOT_PORT": base + 11,
            }


class Instance:
    """`start()` returns at once; `wait_ready()` when everything answers."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.data = data
        self.ports = free_ports()
        # As in tests/boot.py; those who log in say AURA_AUTH="on".
        self.settings = {"AURA_DATA_DIR": data, "AURA_AUTH": "off", **self.ports, **settings}
        self.lines: list[str] = []
        self._fresh: queue.Queue[str] = queue.Queue()
        self.process: subprocess.Popen[str] | None = None

    def url(self, setting: str = "AURA_SERVER_PORT", path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[setting]}{path}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=bare_environment() | {k: str(v) for k, v in self.settings.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            self._fresh.put(line)

    def wait_line(self, part: str, timeout_s: float = READY_S) -> str:
        """The next line that holds `part`."""
        deadline = time.monotonic() + timeout_s
        with suppress(queue.Empty):
            while (left := deadline - time.monotonic()) > 0:
                line = self._fresh.get(timeout=left)
                if part in line:
                    return line
        raise AssertionError(f"no line with {part!r} in:\n" + "\n".join(self.lines))

    def wait_ready(self) -> None:
        self.wait_line("is ready")
        self.wait_line("Data")

    def wait_end(self, timeout_s: float = READY_S) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait_end()

    def child(self, name: str) -> int | None:
        """Process id of the running worker or beat."""
        for pid, command in processes():
            if f"aura.serving.child {name}" not in command:
                continue
            with suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                if f"AURA_DATA_DIR={self.data}\0".encode() in environment:
                    return pid
        return None

    def leftovers(self) -> list[str]:
        """Processes that still belong to this data directory."""
        children = [name for name in ("worker", "beat") if self.child(name)]
        return command_lines(str(self.data)) + children

    def clean(self) -> None:
        """End whatever a failed test left."""
        if self.process is not None and self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()
            self.process.kill()


@contextmanager
def running(data: Path, **settings: object) -> Iterator[Instance]:
    """One that is ready, and has ended after the block."""
    instance = Instance(data, **settings)
    instance.start()
    try:
        instance.wait_ready()
        yield instance
    finally:
        instance.clean()


def eventually(check: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until `check()` is true."""
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
