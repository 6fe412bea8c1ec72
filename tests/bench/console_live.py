"""From the commit of an event to the page that shows it, without a reload.

Another process commits as a worker does and notes the time right after each commit; a page that
was opened second (the first holds the connection) notes when its document has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.bench.console_browser import browsing, lag
from tests.bench.figures import Figure, say
from tests.bench.house import House

LIVE_MS = 500.0
RHYTHMS = {"now and then": (24, 1.7), "5 a second": (60, 0.2)}  # events, seconds between
# `seen`: what was read -> milliseconds of the epoch when it first was.
WATCH = """
({place, pattern}) => {
  window.seen = {};
  const look = () => {
    const text = document.querySelector(place)?.textContent ?? "";
    for (const [, read] of text.matchAll(new RegExp(pattern, "g"))) {
      window.seen[read] ??= performance.timeOrigin + performance.now();
    }
  };
  look();
  const all = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(document, all);
}
"""
WRITE = """
import json, time
from django.db import transaction
from governance import approvals
from governance.audit.background import in_background
from governance.types import Action, ActionClass, ActorKind, Principal, Resource
from tickets.events import AGENT, tell
from tickets.models import Ticket
from tickets.tasks import LINK_EVERY_S

EVENTS, EVERY_S, TICKET, ROUND = {values}

def asks(number):
    action = Action(
        tool="delete_pod", arguments={{"pod": f"live-{{ROUND}}-{{number}}"}},
        action_class=ActionClass.WRITE,
        resource=Resource(type="pod", name=f"shop/live-{{ROUND}}-{{number}}"),
        principal=Principal(kind=ActorKind.AGENT, name="k8s"), trace_id=f"tr_{{ROUND}}_{{number}}",
    )
    approvals.request(action, policy="production")

def commits(number):
    payload = {{"sha": f"a{{number:05}}", "message": f"live-{{ROUND}}-{{number}}-"}}
    tell(ticket, "commit_created", actor=AGENT, payload=payload)

ticket = Ticket.objects.get(pk=TICKET) if TICKET else None
committed = []
with in_background(every_s=LINK_EVERY_S):  # as in a worker
    for number in range(EVENTS):
        time.sleep(EVERY_S)
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.time() * 1000))
            (commits if TICKET else asks)(number)
    time.sleep(1)
print("committed:", json.dumps(committed))
"""


def live(house: House, session: str, ticket: str) -> list[Figure]:
    """On the inbox, by its count of what waits, and on the page of this ticket, by its timeline."""
    with browsing(house, session) as context:
        context.new_page().goto("/admin/")  # holds the connection
        figures = []
        for name, rhythm in RHYTHMS.items():
            with _opened(context, "/admin/inbox/") as page:
                lags = _inbox_ms(house, page, *rhythm)
            figures.append(lag(f"commit to the inbox, {name}", lags, LIVE_MS))
        for name, rhythm in RHYTHMS.items():
            with _opened(context, f"/admin/tickets/ticket/{ticket}/change/") as page:
                lags = _ticket_ms(house, page, ticket, *rhythm)
            figures.append(lag(f"commit to its ticket, {name}", lags, LIVE_MS))
    return figures


@contextmanager
def _opened(context: BrowserContext, path: str) -> Iterator[Page]:
    page = context.new_page()
    page.goto(path, wait_until="load")
    page.wait_for_timeout(1500)  # what the connection of the first page brought is over
    yield page
    page.close()


def _inbox_ms(house: House, page: Page, events: int, every_s: float) -> list[float]:
    """The count in the title goes up by one with each request."""
    page.evaluate(WATCH, {"place": "title", "pattern": r"^\((\d+)\)"})
    before = int(page.title().partition(")")[0].lstrip("("))
    committed = _write(house, events, every_s)
    seen = _seen(page, str(before + events))
    return _lags(committed, {int(count) - before - 1: at for count, at in seen.items()})


def _ticket_ms(house: House, page: Page, ticket: str, events: int, every_s: float) -> list[float]:
    rounds = f"r{events}"
    page.evaluate(WATCH, {"place": "#timeline", "pattern": rf"live-{rounds}-(\d+)-"})
    committed = _write(house, events, every_s, ticket, rounds)
    return _lags(committed, {int(n): at for n, at in _seen(page, str(events - 1)).items()})


def _write(house: House, *values: Any) -> list[float]:
    """Milliseconds of the epoch, one for each event."""
    padded = (*values, "", "x")[:4]
    script = WRITE.format(values=padded)
    told = house.manage("shell", "-v", "0", "-c", script).rpartition("committed: ")[2]
    committed: list[float] = json.loads(told)
    return committed


def _seen(page: Page, last: str) -> dict[str, float]:
    page.wait_for_function("last => window.seen[last]", arg=last)
    seen: dict[str, float] = page.evaluate("window.seen")
    return seen


def _lags(committed: list[float], seen: dict[int, float]) -> list[float]:
    """A page that shows a later event has shown the ones before it too."""
    lags = []
    for number, moment in enumerate(committed):
        shown = min(at for later, at in seen.items() if later >= number)
        lags.append(shown - moment)
    say(" ".join(f"{each:.0f}" for each in lags))
    return lags
