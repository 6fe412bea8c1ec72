"""An SMTP server on loopback that takes what it gets."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Mailbox(socketserver.ThreadingTCPServer):
    """`got`: recipients and text of each mail. `refuses` answers DATA with 451.

    `endless`: this verb is answered line by line, as long as anybody listens.
    """

    allow_reuse_address = daemon_threads = True
    refuses = False
    endless = b""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Session)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line.strip().upper()
            if self.server.endless and verb.startswith(self.server.endless):
                self._go_on()
                return
            if verb.startswith(b"RCPT"):
                recipients.append(line.decode().partition("<")[2].partition(">")[0])
            if verb.startswith(b"QUIT"):
                self._say("221 bye")
                return
            if verb == b"DATA" and not self.server.refuses:
                self._say("354 go on")
                self.server.got.append((recipients, self._text()))
            self._say("451 later" if verb == b"DATA" and self.server.refuses else "250 ok")

    def _text(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _go_on(self) -> None:
        with suppress(OSError):
            while True:
                self._say("250-wait")
                time.sleep(0.02)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A running one."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
