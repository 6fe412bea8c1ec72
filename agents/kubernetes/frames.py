"""The websocket of `exec`, frame by frame. Imported by `wire` alone, as it needs the library.

The library's own reader goes on as long as frames come, however many: a program that never stops
writing would fill the memory before its time is up.
"""

from __future__ import annotations

from websocket import (
    ABNF,
    WebSocket,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)

CLOSE_CHANNEL = 255  # of protocol v5: says that one of the others has ended


class Frames:
    """What the other side sends: (channel, bytes) pairs."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self.open = True

    def next(self, seconds: float) -> tuple[int, bytes] | None:
        """The next piece; None when none came within `seconds` or the other side has closed."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            code, frame = self._socket.recv_data_frame(control_frame=True)
        except WebSocketTimeoutException:
            return None
        except (WebSocketConnectionClosedException, WebSocketException, OSError):
            self.open = False
            return None
        if code == ABNF.OPCODE_CLOSE:
            self.open = False
        if code not in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) or not frame.data:
            return None
        channel = frame.data[0]
        return (channel, frame.data[1:]) if channel != CLOSE_CHANNEL else None

    def close(self) -> None:
        """Ends the connection at once; safe from any thread, and more than once."""
        self.open = False
        self._socket.shutdown()  # type: ignore[no-untyped-call]
