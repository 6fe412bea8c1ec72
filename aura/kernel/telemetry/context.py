"""Whose work is being done: the trace that a log line, a message and a span belong to.

A trace comes in by `traceparent` (W3C Trace Context, level 1) or `X-Trace-ID` (aiHelpDesk
document: pins an id of the caller's own), else it is made here. It lives in a context variable, so
it follows the work into threads and tasks that copy the context, and nowhere else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

# Version 00 ends after the flags; a later version may have more, and ff is none.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    r"-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_W3C_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_PINNED = re.compile(r"[A-Za-z0-9][\w.:/@=+-]{0,63}", re.ASCII)

TRACEPARENT = "traceparent"
PINNED = "aura_trace_id"  # header of a Celery message


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """`id` is what people see and search for; `w3c` (32 hex digits) what OpenTelemetry calls it.

    They differ where a caller pinned an id of another form, or the gateway made one. `parent` is
    the caller's span (16 hex digits), empty when there is none. `local`: made for this process's
    own logs, of no request, and not sent on.
    """

    id: str
    w3c: str
    parent: str = ""
    sampled: bool = True
    local: bool = False


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One HTTP request, filled in by whoever learns something about it."""

    route: str = ""
    ticket: str = ""
    user: str = ""
    status: int = 0
    stream: bool = False
    began: float = field(default=0.0)


_trace: ContextVar[Trace | None] = ContextVar("aura_trace", default=None)
_exchange: ContextVar[Exchange | None] = ContextVar("aura_exchange", default=None)


def current() -> Trace | None:
    """The trace of the work at hand."""
    return _trace.get()


def exchange() -> Exchange | None:
    """The request that is being answered, if one is."""
    return _exchange.get()


def pinned_id(text: str) -> str:
    """The trace id that a caller asks for; empty when it is none."""
    return text if _PINNED.fullmatch(text) else ""


def incoming(*, traceparent: str = "", pinned: str = "", prefix: str = "") -> Trace:
    """The trace a request or a message belongs to; what is not well-formed counts as not sent.

    `prefix` begins the id that is made when none came in, in the aiHelpDesk document's form.
    """
    own = pinned_id(pinned)
    said = _TRACEPARENT.fullmatch(traceparent.strip())
    if said is not None and not (said["version"] == "00" and said["more"]):
        sampled = bool(int(said["flags"], 16) & 1)
        return Trace(
            id=own or said["trace"], w3c=said["trace"], parent=said["span"], sampled=sampled
        )
    made = own if _W3C_ID.fullmatch(own) else _made(128)
    named = f"{prefix}{made[:8]}-{made[8:11]}" if prefix else made
    return Trace(id=own or named, w3c=made)


@contextmanager
def using(trace: Trace, of: Exchange | None = None) -> Iterator[None]:
    """Do the work inside as part of `trace`."""
    token, other = _trace.set(trace), _exchange.set(of)
    try:
        yield
    finally:
        _exchange.reset(other)
        _trace.reset(token)


def about_ticket(ticket_id: str) -> None:
    """The request at hand is about this ticket: its access line says so."""
    if (request := _exchange.get()) is not None:
        request.ticket = ticket_id


def outgoing(span: str = "") -> dict[str, str]:
    """Headers that carry the trace on; `span` is the sender's own, if it has one."""
    trace = _trace.get()
    if trace is None or trace.local:
        return {}
    parent = span or trace.parent or _made(64)
    sent = {TRACEPARENT: f"00-{trace.w3c}-{parent}-{'01' if trace.sampled else '00'}"}
    if trace.id != trace.w3c:
        sent[PINNED] = trace.id
    return sent


def _made(bits: int) -> str:
    """A new id. It tells work apart and guards nothing, so it costs no call of the system."""
    return f"{random.getrandbits(bits) or 1:0{bits // 4}x}"


def alone() -> Trace:
    """A trace for work that no request asked for."""
    made = _made(128)
    return Trace(id=made, w3c=made, local=True)


def received(headers: Mapping[str, object]) -> Trace | None:
    """The trace that `outgoing` sent, None when none was."""
    said = str(headers.get(TRACEPARENT) or "")
    return incoming(traceparent=said, pinned=str(headers.get(PINNED) or "")) if said else None
