"""Where the console's pages are, and how a person uses their forms."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from governance.models import Approval
from tests.conftest import Browser
from tickets.models import Ticket

INDEX = "/admin/"
TICKETS = "/admin/tickets/ticket/"
OPEN = "/admin/tickets/ticket/add/"
INBOX = "/admin/inbox/"
APPROVALS = "/admin/governance/approval/"
LOG = "/admin/governance/auditevent/"
VERIFY = "/admin/governance/auditevent/verify/"
TOKENS = "/admin/governance/apitoken/"


def page_of(ticket: Ticket) -> str:
    return f"{TICKETS}{ticket.pk}/change/"


def url_of(ticket: Ticket, verb: str) -> str:
    return f"{TICKETS}{ticket.pk}/do/{verb}/"


def approval_page(approval: Approval) -> str:
    return f"{APPROVALS}{approval.pk}/change/"


def decide_url(approval: Approval) -> str:
    return f"{APPROVALS}{approval.pk}/decide/"


class _Forms(HTMLParser):
    """The forms of a page: action -> values of its fields as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] | None = None
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self.forms.setdefault(found.get("action", "").split("#")[0], {})
        elif self._open is None or "name" not in found:
            return
        elif tag == "textarea":
            self._area = found["name"]
            self._open[self._area] = ""
        elif tag == "select":
            self._open[found["name"]] = ""
        elif tag == "input" and found.get("type") not in {"radio", "submit"}:
            self._open[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._area:
            self._open[self._area] += data


def forms_on(browser: Browser, url: str) -> dict[str, dict[str, str]]:
    """Every form of a page, by the address it is sent to."""
    return forms_in(browser.get(url))


def forms_in(response: Any) -> dict[str, dict[str, str]]:
    """The same of an answer."""
    parser = _Forms()
    parser.feed(text(response))
    return parser.forms


def submit(browser: Browser, page: str, action: str, **filled: Any) -> Any:
    """Look at `page`, fill in the form that goes to `action`, send it; follow no redirect."""
    shown = forms_on(browser, page)
    assert action in shown, f"no form for {action} on {page}; there are {sorted(shown)}"
    return browser.post(action or page, {**shown[action], **filled})


def act(browser: Browser, ticket: Ticket, verb: str, **filled: Any) -> Any:
    """Use one of the forms of a ticket's page."""
    return submit(browser, page_of(ticket), url_of(ticket, verb), **filled)


def text(response: Any) -> str:
    """The page's HTML."""
    html: str = response.content.decode()
    return html


def words_in(html: str) -> str:
    """What a person reads of it, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def messages(browser: Browser, response: Any) -> str:
    """What the page, or the one it leads to, tells the person."""
    if response.status_code == 302:
        response = browser.get(response["Location"])
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', text(response), re.DOTALL)
    return " ".join(re.findall(r"<li[^>]*>(.*?)</li>", found.group(1), re.DOTALL)) if found else ""
