"""Counts the requests of each address to the APIs, before anything is asked of the database."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from aura.kernel.clients import address
from aura.kernel.errors import RateLimited
from aura.kernel.http import problem_response
from aura.kernel.throttling import count_request
from aura.surfaces.table import tables

PATHS = ("/api/", "/v1/")
HEALTH = "/api/health"  # a monitor must not lose sight of a busy server


class ThrottleMiddleware:
    """429 for who asks too often; stands behind the check of origins and before every login."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.api = tables(settings.AURA)[settings.AURA.ports.api]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(PATHS) and request.path != HEALTH:
            try:
                count_request(address(request.META))
            except RateLimited as problem:
                on_api = getattr(request, "urlconf", None) == self.api
                return problem_response(problem, api=on_api)
        return self.get_response(request)
