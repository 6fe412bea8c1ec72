"""The streams as the OpenAPI document tells of them. `tickets.stream` answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import Unavailable
from tickets.api import answers
from tickets.api.views import BY_PRIORITY, BY_STATUS, TICKET_ID, ApiViewSet, View
from tickets.events import STREAMED

ELSEWHERE = "Streams are served by the ASGI application; start it with manage.py up"
FRAMES = ["connected", *STREAMED.values(), "heartbeat"]


class Frame(serializers.Serializer[Any]):
    """The `data` of one server-sent event."""

    id = serializers.CharField(required=False)
    type = serializers.ChoiceField(choices=[(name, name) for name in FRAMES])
    ticketId = serializers.CharField(allow_null=True)
    timestamp = serializers.DateTimeField()
    payload = serializers.DictField()


def streamed(**more: Any) -> Callable[[View], View]:
    """`extend_schema` of a stream."""
    failures = dict.fromkeys((400, 401, 403, 404, 429, 503), answers.Error)
    responses: dict[Any, Any] = {(200, "text/event-stream"): Frame, **failures}
    schema: Callable[[View], View] = extend_schema(responses=responses, **more)
    return schema


class Streams(ApiViewSet):
    """GET /api/tickets/:id/stream and GET /api/stream"""

    @streamed(parameters=[TICKET_ID])
    def of_ticket(self, request: Request, id: str) -> Response:
        """GET /api/tickets/:id/stream"""
        del request, id
        raise Unavailable(ELSEWHERE)

    @streamed(parameters=[BY_STATUS, BY_PRIORITY])
    def everything(self, request: Request) -> Response:
        """GET /api/stream"""
        del request
        raise Unavailable(ELSEWHERE)
