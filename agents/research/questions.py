"""Without a model: a page that the question names is read; everything else is searched for."""

from __future__ import annotations

import re
from typing import Any

from agents.research.tools import QUERY_CHARS

_URL = re.compile(r"https?://[^\s<>\"'`]+")


def calls_for(question: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Which calls answer this question; none for an empty one."""
    words = " ".join(question.split())
    if page := _URL.search(words):
        return (("fetch_page", {"url": page[0].rstrip(".,;:!?)]")}),)
    return (("web_search", {"query": words[:QUERY_CHARS]}),) if words else ()
