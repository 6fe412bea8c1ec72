"""One page of the web as text, fetched through the guard of outbound calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin

from agents.research import htmltext
from agents.research.failures import failed
from aura.config import VERSION
from aura.kernel import outbound
from aura.kernel.outbound import Answer, Failed, NotAllowed

TOOL = "fetch_page"
MOST_BYTES = 1 << 20
REDIRECTS = 5
HEADERS = {
    "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.8",
    "Accept-Encoding": "identity",
    "User-Agent": f"Aura/{VERSION}",
}
_HTML = re.compile(r"text/html|application/xhtml\+xml")
_TEXT = re.compile(r"text/.*|application/(?:[\w.-]+\+)?(?:json|xml|yaml)")
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_GOES_ON = frozenset({301, 302, 303, 307, 308})
_GOOD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A page's text; `url` is where it was in the end, `cut`: it went on."""

    url: str
    title: str
    text: str
    cut: bool


def fetch(url: str) -> Fetched:
    """Read a page. Every address on the way is checked. Raises `ToolFailure`."""
    place, answer = _followed(url)
    kind = answer.headers.get("content-type", "text/plain").lower()
    media = kind.partition(";")[0].strip()
    if answer.status != _GOOD:
        raise failed(TOOL, place, f"The page answered with status {answer.status}.")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise failed(TOOL, place, "The page came compressed, though it was asked not to.")
    if not (_HTML.fullmatch(media) or _TEXT.fullmatch(media)):
        raise failed(TOOL, place, f"This is {media[:60]}, and only text can be read here.")
    text, title = _decoded(answer.body, kind), ""
    if _HTML.fullmatch(media):
        page = htmltext.read(text)
        text, title = page.text, page.title
    return Fetched(url=place, title=title, text=text, cut=len(answer.body) >= MOST_BYTES)


def _followed(url: str) -> tuple[str, Answer]:
    """Where the redirects end, and what is there."""
    place = urldefrag(url).url
    for _ in range(REDIRECTS + 1):
        answer = _got(place)
        onward = answer.headers.get("location", "")
        if answer.status not in _GOES_ON or not onward:
            return place, answer
        place = urldefrag(urljoin(place, onward)).url
    raise failed(TOOL, url, f"The page leads on more than {REDIRECTS} times.")


def _got(url: str) -> Answer:
    try:
        return outbound.get(url, HEADERS, most_bytes=MOST_BYTES)
    except NotAllowed as refusal:
        raise failed(TOOL, url, "This address may not be fetched.", refusal.message) from None
    except Failed as failure:
        raise failed(TOOL, url, "The page did not come.", failure) from None


def _decoded(body: bytes, kind: str) -> str:
    said = _CHARSET.search(kind) or _CHARSET.search(body[:1024].decode("latin-1"))
    try:
        return body.decode(said[1] if said else "utf-8", errors="replace")
    except LookupError:
        return body.decode(errors="replace")
