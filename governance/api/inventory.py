"""/api/v1/infrastructure and /api/v1/databases"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from governance.api import answers
from governance.api.base import HelpdeskViewSet, documented
from governance.helpdesk import infrastructure


class Infrastructure(HelpdeskViewSet):
    """What the product looks after."""

    @documented(answer=answers.Infrastructure)
    def summary(self, request: Request) -> Response:
        """GET /api/v1/infrastructure"""
        del request
        return Response(infrastructure.summary())

    @documented(answer=answers.Databases)
    def databases(self, request: Request) -> Response:
        """GET /api/v1/databases"""
        del request
        return Response(infrastructure.databases())
