"""Log lines: one an event, the same from every process and every library.

Text that came from outside stays inside its line: JSON escapes it, and the text form escapes every
control character. Credentials are taken out before a line is written.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict

from aura.kernel.secrets import redact, redact_value
from aura.kernel.telemetry import context, tracing
from aura.kernel.telemetry.repeats import Repeats

Style = Literal["json", "text"]

ACCESS = "aura.access"
GATHER_S = 0.1
MAX_FRAMES = 30
LONGEST_EVENT = 10_000  # characters; a library that logs a whole document is cut
# What a terminal obeys or shows as a new line: C0, DEL, C1, line separators, directions of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FIRST = ("timestamp", "level", "logger", "event")

# Chatter of libraries that says nothing an operator could use.
QUIET: Mapping[str, str] = {
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "urllib3": "WARNING",
    "asyncio": "WARNING",
    "opentelemetry": "ERROR",  # one line a batch that was lost; each try has one more
    "django.request": "ERROR",  # refusals are in the access line
    # Two lines for every sweep, every two seconds, would be all one could find.
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.beat": "WARNING",
    "axes": "WARNING",  # logins are in our own log
}


def configuration(*, level: str, style: Style, file: Path | None = None) -> dict[str, Any]:
    """`logging.config` dictionary: everything to standard error in `style`.

    With `file` everything goes there, as JSON, and to standard error only what needs a person.
    """
    stderr = {"()": StreamHandler, "formatter": style}
    handlers: dict[str, Any] = {"stderr": stderr}
    if file is not None:
        handlers["stderr"] = stderr | {"level": "WARNING"}
        handlers["file"] = {"()": FileHandler, "formatter": "json", "filename": str(file)}
    for handler in handlers.values():
        handler["filters"] = ["repeats"]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {name: {"()": formatter, "style": name} for name in ("json", "text")},
        "filters": {"repeats": {"()": Repeats}},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level.upper()},
        "loggers": {name: {"level": least} for name, least in QUIET.items()},
    }


class Gathering(logging.Handler):
    """Writes the access lines of a tenth of a second at once, and before any other line.

    To write takes longer than to make a line, and the event loop loses Python's lock to a thread
    meanwhile. `kill -9` costs the lines of that tenth.
    """

    stream: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._gathered: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.INFO or not hasattr(record, "access"):
            self._pour()
            super().emit(record)
            return
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - as every handler of the library
            self.handleError(record)
            return
        if not self._gathered:
            later = threading.Timer(GATHER_S, self.flush)
            later.daemon = True
            later.start()
        self._gathered.append(f"{line}\n")

    def flush(self) -> None:
        self.acquire()
        try:
            self._pour()
            super().flush()
        finally:
            self.release()

    def _pour(self) -> None:
        if self._gathered and self.stream is not None:
            self.stream.write("".join(self._gathered))
            self._gathered.clear()


class StreamHandler(Gathering, logging.StreamHandler[TextIO]):
    """Standard error."""


class FileHandler(Gathering, logging.FileHandler):
    """A log file."""


def formatter(style: Style) -> logging.Formatter:
    """The formatter of one style."""
    return Lines(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.contextvars.merge_contextvars,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_trace,
            structlog.processors.ExceptionRenderer(
                ExceptionDictTransformer(show_locals=False, max_frames=MAX_FRAMES)
            )
            if style == "json"
            else structlog.processors.format_exc_info,
            without_secrets,
            as_json if style == "json" else as_text,
        ],
    )


class Lines(structlog.stdlib.ProcessorFormatter):
    """structlog's formatter, with a short way for the access lines: one for every request."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "access", None)
        if fields is None or self.processors[-1] is not as_json:
            return super().format(record)
        head: dict[str, Any] = {
            "timestamp": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg,
        }
        return json.dumps(add_trace(None, "", head | fields))


def add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """`trace_id` of the work at hand, `span_id` where there are spans."""
    if fields := event.pop("access", None):
        event.update(fields)
    trace = context.current()
    if trace is not None:
        event["trace_id"] = trace.id
        if trace.id != trace.w3c:
            event["w3c_trace_id"] = trace.w3c
        if span := tracing.span_id():
            event["span_id"] = span
    return event


def without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Credentials replaced, in the message, the fields and the exceptions; too long text cut."""
    event["event"] = str(event["event"])[:LONGEST_EVENT]
    clean: dict[str, Any] = redact_value(event)
    return clean


def as_json(_logger: Any, _method: str, event: EventDict) -> str:
    """One line of ASCII: what is not ASCII is escaped, so no reader finds a line end in it."""
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return json.dumps({**first, **event}, default=_plain)


def as_text(_logger: Any, _method: str, event: EventDict) -> str:
    """`10:02:11 warning tickets.drive  what happened  ticket=…`, and exceptions indented below."""
    moment, level, name, what = (str(event.pop(key, "")) for key in _FIRST)
    exception = str(event.pop("exception", ""))
    fields = "".join(f"  {key}={escaped(_plain(value))}" for key, value in event.items())
    line = f"{moment[11:19]} {level} {name}  {escaped(what)}{fields}"
    lines = (f"\n    {escaped(part)}" for part in exception.splitlines())
    return line + "".join(lines)


def escaped(text: str) -> str:
    """`text` without anything that ends a line or moves a cursor."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _plain(value: object) -> str:
    """Text of a value that JSON has no form for; a faulty `__str__` must not cost the line."""
    try:
        return redact(str(value))
    except Exception:  # noqa: BLE001 - anybody's code
        return f"<{type(value).__name__}>"


def _moment(created: float) -> str:
    """The time of a record, as structlog writes it."""
    return f"{datetime.fromtimestamp(created, UTC).isoformat(timespec='microseconds')[:-6]}Z"


def about(**fields: str) -> AbstractContextManager[None]:
    """Lines written inside the block carry these fields."""
    return structlog.contextvars.bound_contextvars(**fields)
