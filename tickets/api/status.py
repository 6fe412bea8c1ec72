"""Health, info and statistics."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import Error, connection
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import probes
from agents.models import StopSwitch
from agents.runtime import stop
from aura.config import VERSION, Settings
from aura.kernel.errors import Problem
from aura.kernel.ids import iso
from governance.identity import may
from tickets import selectors
from tickets.api import status_answers as answers
from tickets.api.views import ApiViewSet, documented

STARTED = time.monotonic()


class Health(ApiViewSet):
    """Open to monitors, who learn the status alone; the parts are for those who may see tickets.

    Nothing is asked of the database before it is known whether there is one.
    """

    permission_classes = ()

    def perform_authentication(self, request: Request) -> None:
        """Not before the answer is known; see `_known`."""

    @extend_schema(responses={200: answers.Health, 503: answers.Health})
    def retrieve(self, request: Request) -> Response:
        """GET /api/health"""
        parts = _parts()
        bad = {"disconnected", "unavailable"} & set(parts.values())
        body: dict[str, Any] = {"status": "unhealthy" if bad else "healthy"}
        if settings.AURA.auth == "off" or _known(request, parts):
            body |= {"version": VERSION, "uptime": int(time.monotonic() - STARTED), **parts}
            if parts["database"] == "connected" and stop.current() is not None:
                body["stopped"] = True
        return Response(body, status=503 if parts["database"] == "disconnected" else 200)


class Server(ApiViewSet):
    """/api/info and /api/stats"""

    @documented(answer=answers.Info)
    def info(self, request: Request) -> Response:
        """GET /api/info"""
        del request
        config: Settings = settings.AURA
        switch = stop.current()
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
                **({"stopped": _stopped(switch)} if switch else {}),
            }
        )

    @documented(answer=answers.Stats)
    def stats(self, request: Request) -> Response:
        """GET /api/stats"""
        del request
        return Response(selectors.statistics())


def _stopped(switch: StopSwitch) -> dict[str, str]:
    return {"by": switch.stopped_by, "reason": switch.reason, "since": iso(switch.stopped_at)}


def _known(request: Request, parts: dict[str, str]) -> bool:
    """May this one see the parts? A bad credential is no reason to hide the status."""
    if parts["database"] == "disconnected":
        return False  # nobody can be known
    try:
        return may(request.user, request.auth, "tickets.view_ticket")
    except Problem:
        return False


def _parts() -> dict[str, str]:
    """State of what the product stands on; Git and model as a worker saw them last."""
    try:
        connection.ensure_connection()
        seen = probes.latest()
    except Error:
        return {"database": "disconnected", "git": "unavailable", "llm": "unavailable"}
    words = {True: "available", False: "unavailable"}
    return {"database": "connected", "git": words[seen["git"]], "llm": words[seen["llm"]]}
