"""/v1/governance: how governance stands, what the policy says, and what it would say."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import ValidationFailed
from aura.kernel.telemetry.context import pinned_id
from governance.api import answers, bodies, queries
from governance.api.base import Error, HelpdeskViewSet, documented, parameter
from governance.helpdesk import judging, status
from governance.identity import caller
from governance.types import ActorKind, Principal

REQUIRED = ("resource_type", "resource_name", "action")


class Governance(HelpdeskViewSet):
    """Info, policies, explain, check."""

    @documented(answer=answers.Info)
    def info(self, request: Request) -> Response:
        """GET /v1/governance/info, GET /api/v1/governance"""
        del request
        return Response(status.info())

    @documented(answer=answers.Policies)
    def policies(self, request: Request) -> Response:
        """GET /v1/governance/policies, GET /api/v1/governance/policies"""
        del request
        return Response(status.policies())

    @documented(
        answer=answers.Trace,
        failures=(400,),
        parameters=[
            parameter("resource_type", "database or kubernetes", required=True),
            parameter("resource_name", "Resource name, e.g. prod-db", required=True),
            parameter("action", "read, write, or destructive", required=True),
            parameter("tags", "Comma-separated; those of the inventory when omitted"),
            parameter("user_id", "Evaluate as a specific user"),
            parameter("role", "Evaluate with a specific role"),
            parameter("namespace", "Kubernetes namespace"),
            parameter("tool", "Evaluate for one tool"),
            parameter("purpose", "Declared purpose"),
        ],
    )
    def explain(self, request: Request) -> Response:
        """GET /v1/governance/explain, GET /api/v1/governance/explain"""
        query = request.query_params
        asked = {name: queries.text(query, name) for name in (*REQUIRED, "namespace", "purpose")}
        if not all(asked[name] for name in REQUIRED):
            raise ValidationFailed(bodies.NAMES_ARE_REQUIRED)
        tags = [tag.strip() for tag in queries.text(query, "tags").split(",") if tag.strip()]
        if len(tags) > bodies.TAGS_MOST:
            raise ValidationFailed(f"at most {bodies.TAGS_MOST} tags")
        more: dict[str, Any] = {"tags": tags, "tool_name": queries.text(query, "tool")}
        return Response(judging.explain(asked | more, principal=_supposed(request, query)))

    @documented(
        body=bodies.CheckBody,
        answer=answers.Checked,
        failures=(400, 413, 415),
        denial=PolymorphicProxySerializer(
            component_name="Denied",
            serializers=[answers.Checked, Error],
            resource_type_field_name=None,
        ),
        description="POST /v1/governance/check\n\nA denied request gets the same answer, as 403.",
    )
    def check(self, request: Request) -> Response:
        """POST /v1/governance/check"""
        body = self.read(bodies.CheckBody, request)
        trace_id = body["trace_id"] or pinned_id(request.headers.get("X-Trace-ID", ""))
        if body["agent_name"] and not trace_id:
            raise ValidationFailed("agent requests must include trace_id")
        by = caller(request, claimed=body["user_id"])
        checked = judging.check(body, by=by, trace_id=trace_id)
        return Response(
            checked.answer,
            status=403 if checked.denied else 200,
            headers={"X-Trace-ID": checked.event.trace_id},
        )


def _supposed(request: Request, query: QueryDict) -> Principal:
    """Whom a hypothetical request is of: who is named, else who asks."""
    name, role = queries.text(query, "user_id"), queries.text(query, "role")
    if not (name or role):
        return caller(request)
    roles = frozenset({role} if role else ())
    return Principal(kind=ActorKind.USER, name=name or "anyone", roles=roles)
