"""What tickets do when governance says that something happened. The only listeners."""

from __future__ import annotations

from functools import partial
from typing import Any

from aura.kernel.errands import Errands
from governance.signals import approval_resolved, events_sequenced
from tickets import settling, stream
from tickets.wakeups import deliver_now
from tickets.webhooks import pump

_announcements = Errands("announcements")


def connect() -> None:
    """Called once, when the app is ready."""
    approval_resolved.connect(go_on, dispatch_uid="tickets.go_on")
    events_sequenced.connect(announce, dispatch_uid="tickets.announce")


def go_on(trace_id: str, **_: Any) -> None:
    """A request was decided, here or in the approvals queue: the ticket that waits goes on."""
    settling.settle_trace(trace_id)


def announce(last: int, **_: Any) -> None:
    """The log has grown: wake the streams, and whoever delivers webhooks."""
    _announcements.run_soon(partial(stream.announce, last))
    if pump.anybody():
        deliver_now()
