"""A real browser in front of the console: what a person sees, and what their browser says of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.admin.conftest import browser_of
from tests.agents.served import served
from tests.agents.working import close_connections_of_bridge

CHROMIUM: Final = shutil.which("chromium") or shutil.which("google-chrome")
NEEDS_BROWSER: Final = pytest.mark.skipif(
    CHROMIUM is None, reason="NO BROWSER: what people see is NOT tested; install chromium"
)
PICTURES: Final = os.environ.get("CONSOLE_PICTURES", "")  # noqa: TID251 - tests' own
SIZES: Final = {"phone": (360, 740), "desktop": (1366, 900)}
RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
PATIENCE_MS: Final = 60_000  # a machine may stall
WIDTHS: Final = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


class Screen:
    """One page of one person's browser. `said` collects what a browser complains of."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.said: list[str] = []
        page.on("console", self._noted)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: str) -> Page:
        """Go to a path of the console."""
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def faults(self, *, axe: bool = True) -> list[str]:
        """What is wrong with the page as it is shown: complaints, a page that scrolls sideways,
        and what axe-core finds of WCAG 2.2 AA.
        """
        wide, room = self.page.evaluate(WIDTHS)
        found = [f"scrolls sideways: {wide} in {room}"] if wide > room else []
        found += (self._judged() if axe else []) + self.said
        self.said.clear()
        return found

    def _judged(self) -> list[str]:
        violations = Axe().run(self.page, options=RULES).response["violations"]
        return [
            f"{each['id']}: {each['help']}: {node['target']} {node['html'][:150]}"
            for each in violations
            for node in each["nodes"]
        ]

    def _noted(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def picture(self, name: str) -> None:
        """Save what is seen as a PNG, where CONSOLE_PICTURES names a directory."""
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, where Django would refuse its database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def console() -> Iterator[str]:
    """The console over real HTTP, with its streams; its base URL."""
    port = settings.AURA.ports.api
    with served(port) as ours:
        try:
            yield ours.urls[port]
        finally:
            close_connections_of_bridge()


@contextmanager
def screen(
    browser: Browser, base: str, user: Any, *, size: str, **options: Any
) -> Iterator[Screen]:
    """A fresh browser in which this person is logged in; `options` of Playwright's context."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce", **options
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    if user is not None:
        session = browser_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
    try:
        yield Screen(context.new_page(), base)
    finally:
        context.close()
