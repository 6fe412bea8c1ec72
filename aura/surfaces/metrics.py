"""GET :9091/metrics: what all processes of this data directory counted, and what waits."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.request import Request
from rest_framework.views import APIView

from aura.kernel.http import answer_exception_plainly
from aura.kernel.telemetry import shared
from aura.surfaces.access import SEE
from aura.surfaces.gauges import DatabaseGauges
from governance.identity import may, user_of


@cache
def _registry() -> CollectorRegistry:
    registry = shared.registry(settings.AURA.data)
    registry.register(DatabaseGauges())
    return registry


class Metrics(APIView):
    """With AURA_AUTH=on a scraper sends the bearer token of a viewer."""

    def get(self, request: Request) -> HttpResponse:
        """GET /metrics"""
        del request
        return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def get_exception_handler(self) -> Any:
        """The helpdesk's ports answer `{"error": "<text>"}`."""
        return answer_exception_plainly


def may_scrape(token: str) -> bool:
    """Does this bearer token open the metrics? Raises `Unauthenticated` for an unknown one."""
    user, verified = user_of(token)
    return may(user, verified, SEE)
