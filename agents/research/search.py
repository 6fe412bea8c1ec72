"""What a provider of web searches finds, through litellm: SearXNG, Tavily, Brave and others."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from agents.research.failures import failed
from aura.config import Settings
from aura.kernel.secrets import remember

TOOL = "web_search"
TIMEOUT_S = 20.0  # of one search, the import of the library not counted
TITLE_CHARS = 300
URL_CHARS = 2048
SNIPPET_CHARS = 1000
DATE_CHARS = 40
NOT_CONFIGURED = (
    "No search provider is configured, so nothing was searched. Set AURA_SEARCH_PROVIDER (for"
    " instance searxng, tavily or brave), with AURA_SEARCH_URL for searxng and AURA_SEARCH_API_KEY"
    " for the others, and start again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One hit; `date` as the provider wrote it, empty where it gave none."""

    title: str
    url: str
    snippet: str
    date: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def search(query: str, *, most: int, config: Settings) -> list[Source]:
    """The first `most` hits. Raises `ToolFailure`; call it in a worker, it imports litellm."""
    if config.search_api_key:
        remember(config.search_api_key)
    found = list(_sources(_answer(query, most, config)))
    return found[:most]


def _answer(query: str, most: int, config: Settings) -> Iterable[Any]:
    from agents.runtime.litellm_model.library import library  # noqa: PLC0415 - heavy, see there

    litellm = library()
    box: dict[str, Any] = {}

    def ask() -> None:
        try:
            box["found"] = litellm.search(
                query=query,
                search_provider=config.search_provider,
                max_results=most,
                api_base=config.search_url or None,
                api_key=config.search_api_key or None,
                timeout=TIMEOUT_S,
            ).results
        except Exception as error:  # noqa: BLE001 - litellm's classes do not tell what happened
            box["error"] = error

    # Its timeout does not hold for providers that are asked with GET: the thread is given up.
    asking = threading.Thread(target=ask, name="search", daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    if "found" in box:
        return list(box["found"])
    target = config.search_provider
    if "error" in box:
        plainly = f"The search provider {target} did not answer with results."
        raise failed(TOOL, target, plainly, box["error"])
    raise failed(TOOL, target, f"The search provider {target} did not answer in {TIMEOUT_S:g} s.")


def _sources(results: Iterable[Any]) -> Iterator[Source]:
    """What can be cited: with an address that a person could open."""
    for result in results:
        url = _text(result, "url")
        if len(url) > URL_CHARS or urlsplit(url).scheme not in ("http", "https"):
            continue
        yield Source(
            title=_text(result, "title")[:TITLE_CHARS] or url,
            url=url,
            snippet=_text(result, "snippet")[:SNIPPET_CHARS],
            date=_text(result, "date")[:DATE_CHARS],
        )


def _text(result: Any, name: str) -> str:
    return " ".join(str(getattr(result, name, None) or "").split())
