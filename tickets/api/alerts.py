"""Alerts of monitoring systems: taken in by their webhooks, and listed."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import NotFound, ValidationFailed
from aura.kernel.listing import page
from aura.kernel.throttling import count_ticket
from governance.identity import opener
from tickets.alerts import intake, messages
from tickets.alerts.messages import Source
from tickets.api.answers import shown
from tickets.api.fields import Moment
from tickets.api.views import ApiViewSet, documented, paging
from tickets.models import Alert

SOURCE = OpenApiParameter("source", str, OpenApiParameter.PATH, enum=[s.value for s in Source])
LIMIT, MOST = 50, 200


class AlertBody(serializers.Serializer[Any]):
    """What the sender's own documentation says: Alertmanager's webhook version 4, which Grafana
    sends too, or a V3 webhook of PagerDuty.
    """

    alerts = serializers.ListField(child=serializers.DictField(), required=False)
    event = serializers.DictField(required=False)


class AlertsTaken(serializers.Serializer[Any]):
    """Answer to a message: keys of tickets, and numbers of alerts."""

    opened = serializers.ListField(child=serializers.CharField())
    joined = serializers.ListField(child=serializers.CharField())
    cancelled = serializers.ListField(child=serializers.CharField())
    repeated = serializers.IntegerField()
    resolved = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="resolved without having fired here")


class AlertItem(serializers.Serializer[Alert]):
    """An alert in a list."""

    sender = serializers.CharField(source="source")
    fingerprint = serializers.CharField()
    name = serializers.CharField()
    labels = serializers.DictField()
    annotations = serializers.DictField()
    link = serializers.CharField(allow_blank=True)
    ticketId = serializers.CharField(source="ticket_id")
    times = serializers.IntegerField(help_text="messages in which it fired")
    receivedAt = Moment(source="received_at")
    lastAt = Moment(source="last_at")
    resolvedAt = Moment(source="resolved_at", allow_null=True)


@extend_schema_serializer(many=False)
class AlertList(serializers.Serializer[Any]):
    alerts = AlertItem(many=True)
    total = serializers.IntegerField()


class Alerts(ApiViewSet):
    """/api/alerts: an addition to the document."""

    @documented(answer=AlertList, failures=(400,), parameters=[*paging(default=LIMIT, most=MOST)])
    def list(self, request: Request) -> Response:
        """GET /api/alerts"""
        wanted = page(request.query_params, default=LIMIT, most=MOST)
        found = Alert.objects.all()
        rows = found[wanted.offset : wanted.offset + wanted.limit]
        return Response({"alerts": [shown(AlertItem, row) for row in rows], "total": found.count()})

    @documented(
        body=AlertBody,
        answer=AlertsTaken,
        code=202,
        failures=(400, 404, 413, 415),
        parameters=[SOURCE],
    )
    def take(self, request: Request, source: str) -> Response:
        """POST /api/alerts/:source"""
        try:
            sender = Source(source)
        except ValueError:
            known = ", ".join(Source)
            raise NotFound(f"Alerts are taken from {known}") from None
        if not isinstance(request.data, dict):
            raise ValidationFailed(
                "The body must be a JSON object", details={"body": ["Must be a JSON object"]}
            )
        alerts = messages.read(sender, dict(request.data))
        taken = intake.take(
            alerts,
            actor=opener(request.user, request.auth),
            count=lambda: count_ticket(self.counted_as(request)),
        )
        return Response(dataclasses.asdict(taken), status=status.HTTP_202_ACCEPTED)
