"""Health, info and statistics."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import probes
from aura.config import VERSION, Settings
from tickets import selectors
from tickets.api import answers
from tickets.api.views import ApiViewSet, documented

STARTED = time.monotonic()


class Health(ApiViewSet):
    """Open to monitors; asks nothing of the database before it knows whether there is one."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses={200: answers.Health, 503: answers.Health})
    def retrieve(self, request: Request) -> Response:
        """GET /api/health"""
        del request
        parts = _parts()
        bad = {"disconnected", "unavailable"} & set(parts.values())
        body: dict[str, Any] = {
            "status": "unhealthy" if bad else "healthy",
            "version": VERSION,
            "uptime": int(time.monotonic() - STARTED),
            **parts,
        }
        return Response(body, status=503 if parts["database"] == "disconnected" else 200)


class Server(ApiViewSet):
    """/api/info and /api/stats"""

    @documented(answer=answers.Info)
    def info(self, request: Request) -> Response:
        """GET /api/info"""
        del request
        config: Settings = settings.AURA
        return Response(
            {
                "version": VERSION,
                "environment": config.env,
                "llm": {
                    "model": config.llm_model or "offline-planner",
                    "provider": config.llm_provider,
                },
                "features": {
                    "planApprovalRequired": config.agent_plan_approval,
                    "destructiveActionApproval": config.agent_destructive_approval,
                    "autoMergeOnResolution": config.agent_auto_merge,
                },
            }
        )

    @documented(answer=answers.Stats)
    def stats(self, request: Request) -> Response:
        """GET /api/stats"""
        del request
        return Response(selectors.statistics())


def _parts() -> dict[str, str]:
    """State of what the product stands on; Git and model as a worker saw them last."""
    try:
        connection.ensure_connection()
        seen = probes.latest()
    except DatabaseError:
        return {"database": "disconnected", "git": "unavailable", "llm": "unavailable"}
    words = {True: "available", False: "unavailable"}
    return {"database": "connected", "git": words[seen["git"]], "llm": words[seen["llm"]]}
