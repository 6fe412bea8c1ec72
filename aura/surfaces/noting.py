"""Django's part of seeing inside: it alone knows which route, which ticket and who."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from aura.kernel.ids import parse_uuid
from aura.kernel.telemetry import context

OF_TICKET = "api/tickets/<str:id>"


class NotingMiddleware:
    """Tells the exchange (`aura.kernel.telemetry.context`) what the access line should say."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        finally:
            if (exchange := context.exchange()) is not None:
                _note(request, exchange)


def _note(request: HttpRequest, exchange: context.Exchange) -> None:
    match = request.resolver_match
    if match is not None:
        exchange.route = match.route or "/"
        if match.route.startswith(OF_TICKET) and (key := parse_uuid(match.kwargs["id"])):
            exchange.ticket = str(key)
    user: Any = getattr(request, "user", None)
    # A lazy one was not looked at by anybody, and should not cost a query now.
    if type(user) is not SimpleLazyObject and getattr(user, "is_authenticated", False):
        exchange.user = user.get_username()
