"""Answers that come later: a view says what to wait for, and no thread is held meanwhile.

The bridge reads it from the request's environment, sends what the view answered to nobody, and
completes it with the status and the JSON that come.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.http import HttpRequest

LATER: Final = "aura.later"

# (status, JSON, further headers); may raise a `Problem`
Later = Callable[[], Awaitable[tuple[int, Any, dict[str, str]]]]


def answer_later(request: HttpRequest, later: Later) -> None:
    """Answer this request with what `later` brings, with the headers that the view sets."""
    request.META[LATER] = later
