"""POST :9091/callback: the diagnostic bundle of an incident was made."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import ValidationFailed
from governance.api.base import HelpdeskViewSet, documented
from governance.identity import caller
from governance.secbot import incidents


class Received(serializers.Serializer[Any]):
    status = serializers.CharField()


class Callback(HelpdeskViewSet):
    """What the incident agent answers (behaviour §4.4), for the incident the URL names."""

    @documented(answer=Received, failures=(400, 404, 409, 413, 415))
    def create(self, request: Request) -> Response:
        """POST /callback?incident=inc_…"""
        bundle = self.whole(request)
        key = request.query_params.get("incident", "") or str(bundle.get("incident_id", ""))
        if not key:
            raise ValidationFailed("incident is required: /callback?incident=inc_…")
        if not isinstance(bundle.get("bundle_path"), str):
            raise ValidationFailed("bundle_path is required")
        incidents.keep_bundle(key, bundle, by=caller(request, claimed="incident_agent"))
        return Response({"status": "received"})
