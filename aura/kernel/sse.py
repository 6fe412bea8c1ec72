"""Server-sent events on the wire, both ways (WHATWG HTML §9.2). Pure."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event. Without an `id` it leaves the reader's position where it is."""

    data: str
    event: str = "message"
    id: str = ""


def encode(frame: Frame) -> bytes:
    """Id, event, data and a blank line. Raises ValueError for a name or id of two lines."""
    if _LINE_END.search(frame.event) or _LINE_END.search(frame.id) or "\0" in frame.id:
        raise ValueError("the name and the id of a frame are one line each")
    head = f"id: {frame.id}\n" if frame.id else ""
    data = "".join(f"data: {line}\n" for line in _LINE_END.split(frame.data))
    return f"{head}event: {frame.event}\n{data}\n".encode()


class Decoder:
    """Turns the bytes of a stream, in whatever pieces they come, into frames.

    `last_event_id` is what a reader sends as `Last-Event-ID` when it connects again.
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._clear()

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that `piece` completes."""
        self._rest += self._text.decode(piece)
        # A CR at the very end may be half of a CRLF.
        held = "\r" if self._rest.endswith("\r") else ""
        *lines, self._rest = _LINE_END.split(self._rest.removesuffix("\r"))
        self._rest += held
        return [frame for line in lines if (frame := self._take(line)) is not None]

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = self.last_event_id = value
        return None

    def _end(self) -> Frame | None:
        frame = Frame(data="\n".join(self._data), event=self._event or "message", id=self._id)
        empty = not self._data
        self._clear()
        return None if empty else frame

    def _clear(self) -> None:
        self._data: list[str] = []
        self._event = self._id = ""
