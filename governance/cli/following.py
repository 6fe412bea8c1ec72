"""`auditor watch`: the log as it grows, read from auditd, through restarts of the server."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from governance.cli import show, spans
from governance.cli.frame import Failure, say
from governance.cli.service import Service
from governance.cli.watching import Countdown, until_back

ALERTS = ("security_alert", "security_incident_recorded")
PAGE = 1000
# An event may be committed after one that was made later; looked for so long, shown once.
LATE = timedelta(seconds=30)
REMEMBERED = 20_000
VERIFY_S = 1800.0


class Feed:
    """Events in the order they were made, each once."""

    def __init__(self, service: Service, since: str) -> None:
        self._service = service
        self._since = since
        self._shown: deque[str] = deque(maxlen=REMEMBERED)

    def fresh(self) -> Iterator[dict[str, Any]]:
        """What came since the last look. Raises `Failure`."""
        found = self._service.get("/v1/events", since=self._since, limit=PAGE)
        if not isinstance(found, list):
            raise Failure("the server answers, but not as auditd does: a list was expected")
        known = set(self._shown)
        fresh = [e for e in reversed(found) if str(e.get("event_id")) not in known]
        if len(fresh) == PAGE:
            say(f"More than {PAGE} events came at once: older ones are not shown.", error=True)
        for event in fresh:
            self._shown.append(str(event.get("event_id")))
            yield event
        if fresh:
            self._since = max(self._since, _before(str(fresh[-1].get("timestamp", ""))))


def follow(
    service: Service,
    *,
    since: str | None,
    every_s: float,
    verify_every_s: float,
    types: frozenset[str],
    machine: bool,
) -> None:
    """Show events, and whether the log holds, until interrupted."""
    feed = Feed(service, since or spans.since("0s"))
    for_ever, verified = Countdown(None), Countdown(0)
    while True:
        for event in until_back(lambda: list(feed.fresh()), clock=for_ever):
            if not types or event.get("event_type") in types:
                say(show.as_json(event, one_line=True) if machine else line(event))
        if verified.over():
            verdict = until_back(
                partial(service.get, "/v1/verify", timeout_s=VERIFY_S), clock=for_ever
            )
            _tell(verdict, machine=machine)
            verified = Countdown(verify_every_s)
        time.sleep(every_s)


def line(event: dict[str, Any]) -> str:
    """An event in one line."""
    session = event.get("session") or {}
    who = session.get("agent_name") or session.get("user_id") or ""
    tool = (event.get("tool") or {}).get("name") or ""
    outcome = (event.get("outcome") or {}).get("status") or ""
    parts = (
        show.moment(event.get("timestamp", "")),
        event.get("event_id"),
        event.get("event_type"),
        event.get("action_class"),
        tool,
        who,
        event.get("trace_id"),
        outcome,
    )
    return "  ".join(show.clean(part) for part in parts if part)


def _tell(verdict: Any, *, machine: bool) -> None:
    """One line when it holds, all of it when it does not."""
    if not isinstance(verdict, dict):
        raise Failure("the server answers, but not as auditd does: a verdict was expected")
    if machine:
        say(show.as_json({"verdict": verdict}, one_line=True))
    elif verdict.get("valid"):
        say(f"The log holds: {verdict.get('total_events')} events.")
    else:
        where, why = verdict.get("broken_at"), show.clean(verdict.get("error"))
        say(f"INVALID: the log is broken at {where}: {why}")


def _before(timestamp: str) -> str:
    try:
        moment = datetime.fromisoformat(timestamp) - LATE
    except ValueError:
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
