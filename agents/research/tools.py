"""`web_search` and `fetch_page`. Their results are text from outside: nothing in them is obeyed."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import AliasChoices, Field, StringConstraints

from agents.research import page, search
from agents.research.failures import refuse_credentials
from agents.runtime.tool import Arguments, CallContext, Tool, ToolFailure, ToolResult
from aura.kernel import outbound
from aura.kernel.outbound import NotAllowed
from governance.types import ActionClass, Resource

QUERY_CHARS = 500
MOST = 20


class Search(Arguments):
    query: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=QUERY_CHARS)
    ] = Field(
        validation_alias=AliasChoices("query", "q"),
        description="what to search for, in a few words",
        examples=["PostgreSQL 18 checkpoint_warning meaning"],
    )
    max_results: int = Field(default=5, ge=1, le=MOST, description="sources to return at most")


class Fetch(Arguments):
    url: str = Field(
        min_length=1,
        max_length=outbound.URL_CHARS,
        description="address of the page, as a source has it; https, on the public internet",
        examples=["https://www.postgresql.org/docs/current/runtime-config-wal.html"],
    )


def research_tools() -> list[Tool]:
    """The tools of the research agent."""
    return [_web_search(), _fetch_page()]


def _web_search() -> Tool:
    return Tool(
        name=search.TOOL,
        title="Search the Web",
        description=(
            "Search the web and return sources: title, address, an excerpt, and the date where the"
            " provider knows it."
        ),
        action_class=ActionClass.READ,
        parameters=Search,
        run=_search,
        check=lambda wish: refuse_credentials("query", wish.query),
        resource=lambda _: Resource(type="web", name=settings.AURA.search_provider or "search"),
        tags=("research", "search", "web"),
        examples=("What changed in PostgreSQL 18's pg_stat_bgwriter?",),
    )


def _fetch_page() -> Tool:
    return Tool(
        name=page.TOOL,
        title="Fetch a Page",
        description=(
            "Read one page of the web as text, for instance a source that web_search returned."
            " Nothing is sent but the request for the page."
        ),
        action_class=ActionClass.READ,
        parameters=Fetch,
        run=_fetch,
        check=_check_url,
        resource=lambda wish: Resource(type="web", name=_host(wish.url)),
        tags=("research", "web", "documentation"),
        examples=("Read https://kubernetes.io/docs/concepts/workloads/pods/ and summarise it.",),
    )


def _search(wish: Search, context: CallContext) -> ToolResult:
    del context
    config = settings.AURA
    if not config.search_provider:
        return ToolResult(
            content=search.NOT_CONFIGURED,
            data={"query": wish.query, "configured": False, "sources": []},
        )
    found = search.search(wish.query, most=wish.max_results, config=config)
    data = {
        "query": wish.query,
        "configured": True,
        "provider": config.search_provider,
        "sources": [source.as_json() for source in found],
    }
    return ToolResult(content=_listed(wish.query, found), data=data)


def _listed(query: str, found: list[search.Source]) -> str:
    if not found:
        return f"Nothing was found for: {query}"
    return "\n\n".join(
        f"[{number}] {source.title}{f' ({source.date})' if source.date else ''}\n{source.url}"
        + (f"\n{source.snippet}" if source.snippet else "")
        for number, source in enumerate(found, start=1)
    )


def _fetch(wish: Fetch, context: CallContext) -> ToolResult:
    del context
    fetched = page.fetch(wish.url)
    head = "\n".join(filter(None, [fetched.title, fetched.url]))
    more = f"\n[the page is longer than {page.MOST_BYTES} bytes, and was read so far]"
    data = {
        "url": fetched.url,
        "title": fetched.title,
        "characters": len(fetched.text),
        "cut": fetched.cut,
        "sources": [{"title": fetched.title or fetched.url, "url": fetched.url}],
    }
    return ToolResult(content=f"{head}\n\n{fetched.text}{more if fetched.cut else ''}", data=data)


def _check_url(wish: Fetch) -> None:
    """What can be seen without asking anybody. Raises `ToolFailure`."""
    refuse_credentials("address", wish.url)
    try:
        outbound.parse(wish.url.partition("#")[0])
    except NotAllowed as refusal:
        raise ToolFailure(refusal.message) from None


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "")[:253]
