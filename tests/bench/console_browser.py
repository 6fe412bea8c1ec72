"""The console of a running product in a real browser, for what people wait for there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from tests.bench.figures import Figure
from tests.bench.house import House
from tests.bench.log import percentile

PATIENCE_MS = 60_000


@contextmanager
def browsing(house: House, session: str) -> Iterator[BrowserContext]:
    """A browser in which the person of this session is logged in."""
    base = f"http://127.0.0.1:{house.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        context = browser.new_context(base_url=base, viewport={"width": 1366, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "sessionid", "value": session, "url": base}])
        try:
            yield context
        finally:
            browser.close()


def lag(name: str, taken_ms: list[float], most_ms: float) -> Figure:
    """How long people waited, and the promise for 19 of 20 times."""
    slow = percentile(taken_ms, 0.95)
    return Figure(
        name=f"{name}: p95 (p50)",
        ours=f"{slow:.0f} ms ({median(taken_ms):.0f} ms), {len(taken_ms)} times",
        promise=f"< {most_ms:.0f} ms",
        held=slow < most_ms,
    )
