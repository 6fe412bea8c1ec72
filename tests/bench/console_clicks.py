"""From the click that approves to the moment a worker begins the work.

Measured from the browser's input event to what the worker writes first, in the clock of the one
machine: of a ticket the first event of the agent after the click, of a direct action the beginning
of its call. When the ticket's first call begins, a turn of the agent later, is printed beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import psycopg
from playwright.sync_api import Page

from tests.bench.console_browser import browsing, lag
from tests.bench.figures import Figure, say
from tests.bench.house import House
from tests.bench.latency import Desk

DECISIONS, NOT_COUNTED = 24, 2  # the first ones still import
CLICK_MS = 300.0
TOOL, DATABASE = "terminate_connection", "local-db"
# When the browser had the last click; kept over the page that comes after it.
CLICKED = """
addEventListener("click", (event) => {
  const late = performance.now() - event.timeStamp;
  sessionStorage.setItem("clicked", String(Date.now() - late));
}, true);
"""
FIRST_EVENT = """
SELECT extract(epoch FROM min(recorded_at))::float8 FROM governance_auditevent
WHERE trace_id = %s AND actor = 'agent' AND recorded_at > to_timestamp(%s)
"""
REQUEST = "SELECT id FROM governance_approval WHERE key = %s"
BEGUN = """
SELECT extract(epoch FROM begun_at)::float8 FROM agents_toolexecution
WHERE approval_id = %s AND begun_at IS NOT NULL
"""


def clicks(house: House, session: str) -> list[Figure]:
    """A plan's one click, and the second of two for what may not come back."""
    desk = Desk(house)
    with browsing(house, session) as context:
        context.add_init_script(CLICKED)
        page = context.new_page()
        plans = _several("plan", lambda number: _plan_ms(desk, page, number))
        direct = _several("direct action", lambda _: _direct_ms(house, desk, page))
    return [
        lag("click on “Approve the plan” to the agent's first event", plans, CLICK_MS),
        lag("click on “Yes, approve” to the direct action", direct, CLICK_MS),
    ]


def _several(name: str, once: Callable[[int], float]) -> list[float]:
    taken = []
    for number in range(NOT_COUNTED + DECISIONS):
        taken.append(once(number))
        say(f"{name}: {taken[-1]:.0f} ms")
    return taken[NOT_COUNTED:]


def _plan_ms(desk: Desk, page: Page, number: int) -> float:
    name = f"click{number}"
    ticket = desk.open(f"Deploy {name}", f"Deploy {name} with image nginx:1.27 in namespace web.")
    desk.wait(ticket, "pending_plan_approval")
    before = len(desk.begun(ticket))
    page.goto(f"/admin/tickets/ticket/{ticket}/change/", wait_until="load")
    page.locator("#consent [data-key=y]").click()
    begun = desk.until(lambda: desk.begun(ticket)[before:], what="a call after the approval")
    clicked = _clicked(page)
    say(f"the first call after {begun[0] * 1000 - clicked:.0f} ms")
    (event,) = desk.database.execute(FIRST_EVENT, [ticket, clicked / 1000]).fetchone() or ()
    desk.until(lambda: _over(desk, ticket), what=f"the end of {ticket}")
    return float(event) * 1000 - clicked


def _over(desk: Desk, ticket: str) -> bool:
    """Nothing more is done: it would slow the next one down."""
    row = desk.database.execute("SELECT status FROM tickets_ticket WHERE id = %s", [ticket])
    return row.fetchone() not in {("executing",), ("planning",)}


def _direct_ms(house: House, desk: Desk, page: Page) -> float:
    with psycopg.connect(house.database_url) as victim:
        key = _asked(house, victim.info.backend_pid)
        row = desk.database.execute(REQUEST, [key]).fetchone()
        assert row is not None
        page.goto(f"/admin/governance/approval/{row[0]}/change/", wait_until="load")
        page.locator("#consent textarea").fill("It blocks the others.")
        page.locator("#consent [popovertarget=sure]").first.click()
        page.locator("#sure [data-key=y]").click()
        begun = desk.until(
            lambda: desk.database.execute(BEGUN, [row[0]]).fetchone(), what="the approved call"
        )
        clicked = _clicked(page)
        time.sleep(1)  # what was ended is looked at once more
    return float(begun[0]) * 1000 - clicked


def _asked(house: House, pid: int) -> str:
    """The key of the request that a direct call waits for."""
    answer = httpx.post(
        house.instance.url("AURA_GATEWAY_PORT", f"/api/v1/db/{TOOL}"),
        json={"connection_string": DATABASE, "pid": pid},
        headers=house.operator_headers,
        timeout=60,
        trust_env=False,
    )
    return str(answer.raise_for_status().json()["approval_id"])


def _clicked(page: Page) -> float:
    """Milliseconds of the epoch."""
    page.locator(".messagelist").wait_for()  # the page after it
    return float(page.evaluate("sessionStorage.getItem('clicked')"))
