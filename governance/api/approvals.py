"""Requests for approval over HTTP. Who decides is told by the credential; a name in the body counts
only where authentication is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from aura.kernel.errors import Problem, Unavailable, ValidationFailed
from aura.kernel.ids import iso
from aura.kernel.telemetry.context import pinned_id
from governance import approvals
from governance.api import answers, bodies, queries
from governance.api.base import LIMITED, HelpdeskViewSet, documented, parameter
from governance.approvals import ApprovalNotPending, Seen
from governance.helpdesk import requests
from governance.helpdesk.requests import UNSAID, shown
from governance.identity import caller, decider
from governance.models import Approval
from governance.types import Principal

ELSEWHERE = "Waiting is answered by the ASGI application; start it with manage.py up"
APPROVAL_ID = OpenApiParameter("approval_id", str, OpenApiParameter.PATH)
moves = partial(
    documented, answer=answers.Approval, failures=(400, 404, 409), parameters=[APPROVAL_ID]
)
FILTERS = [
    parameter("status", "Filter by status"),
    parameter("agent", "Filter by agent name"),
    parameter("trace_id", "Filter by trace ID"),
    parameter("requested_by", "Filter by requester"),
    parameter("limit", LIMITED, int),
]


class NotPending(Problem):
    """What the document's clients look for in the text comes first."""

    code, status = "APPROVAL_NOT_PENDING", 409


@contextmanager
def in_documents_words(approval_id: str) -> Iterator[None]:
    """A request that is not pending is a conflict here."""
    try:
        yield
    except ApprovalNotPending as problem:
        message = f"approval {approval_id} not found or not pending: {problem.message}"
        raise NotPending(message) from None


class Approvals(HelpdeskViewSet):
    """Requests for approval: made, listed, decided, ended."""

    @documented(
        body=bodies.ApprovalBody,
        answer=answers.ApprovalCreated,
        code=201,
        failures=(400, 413, 415),
    )
    def create(self, request: Request) -> Response:
        """POST /v1/approvals"""
        body = self.read(bodies.ApprovalBody, request)
        body["trace_id"] = body["trace_id"] or pinned_id(request.headers.get("X-Trace-ID", ""))
        asked = requests.create(body, by=caller(request, claimed=body["requested_by"]))
        answer = {
            "approval_id": asked.key,
            "status": asked.status,
            "expires_at": iso(asked.expires_at),
        }
        return Response(answer, status=201, headers={"Location": f"/v1/approvals/{asked.key}"})

    @documented(answer=answers.Approval(many=True), parameters=FILTERS)
    def list(self, request: Request) -> Response:
        """GET /v1/approvals, GET /api/v1/governance/approvals"""
        found = requests.listed(**queries.approvals(request.query_params))
        return Response(found.items, headers=found.headers)

    @documented(answer=answers.Approval(many=True), parameters=FILTERS[1:])
    def pending(self, request: Request) -> Response:
        """GET /v1/approvals/pending, GET /api/v1/governance/approvals/pending"""
        asked = queries.approvals(request.query_params) | {"status": "pending"}
        found = requests.listed(**asked)
        return Response(found.items, headers=found.headers)

    @documented(answer=answers.Approval, failures=(404,), parameters=[APPROVAL_ID])
    def retrieve(self, request: Request, approval_id: str) -> Response:
        """GET /v1/approvals/{approvalID}"""
        del request
        return Response(shown(approvals.find(approval_id)))

    @documented(
        answer=answers.Approval,
        failures=(404,),
        parameters=[
            APPROVAL_ID,
            parameter("timeout", "Go duration, at most 120s; 30s when absent"),
        ],
    )
    def wait(self, request: Request, approval_id: str) -> Response:
        """GET /v1/approvals/{approvalID}/wait"""
        del request, approval_id
        raise Unavailable(ELSEWHERE)

    @moves(body=bodies.ApproveBody)
    def approve(self, request: Request, approval_id: str) -> Response:
        """POST /v1/approvals/{approvalID}/approve"""
        body = self.read(bodies.ApproveBody, request)
        by = _decider(request, "approved_by", body["approved_by"])
        minutes = body["valid_for_minutes"]
        with in_documents_words(approval_id):
            approvals.approve(
                approval_id,
                by=by,
                reason=body["reason"],
                seen=Seen(fingerprint=body["fingerprint"]),
                valid_for=timedelta(minutes=minutes) if minutes else None,
            )
        return _now(approval_id)

    @moves(body=bodies.DenyBody)
    def deny(self, request: Request, approval_id: str) -> Response:
        """POST /v1/approvals/{approvalID}/deny"""
        body = self.read(bodies.DenyBody, request)
        by = _decider(request, "denied_by", body["denied_by"])
        with in_documents_words(approval_id):
            approvals.deny(
                approval_id,
                by=by,
                reason=body["reason"] or _unsaid(approval_id),
                seen=Seen(fingerprint=body["fingerprint"]),
            )
        return _now(approval_id)

    @moves(body=bodies.CancelBody)
    def cancel(self, request: Request, approval_id: str) -> Response:
        """POST /v1/approvals/{approvalID}/cancel"""
        body = self.read(bodies.CancelBody, request)
        by = caller(request, claimed=body["cancelled_by"] or "system")
        with in_documents_words(approval_id):
            requests.withdraw(approval_id, by=by, reason=body["reason"])
        return _now(approval_id)

    @moves(body=bodies.RevokeBody)
    def revoke(self, request: Request, approval_id: str) -> Response:
        """POST /v1/approvals/{approvalID}/revoke"""
        body = self.read(bodies.RevokeBody, request)
        by = _decider(request, "revoked_by", body["revoked_by"])
        with in_documents_words(approval_id):
            approvals.revoke(approval_id, by=by, reason=body["reason"])
        return _now(approval_id)


def _decider(request: Request, field: str, claimed: str) -> Principal:
    """Who decides, with the role they do it in."""
    if not (claimed or request.user.is_authenticated):
        raise ValidationFailed(f"{field} is required")
    return decider(request.user, request.auth, claimed=claimed)


def _unsaid(approval_id: str) -> str:
    """What stands for a reason that nobody gave, where none has to be given."""
    return "" if approvals.find(approval_id).reason_required else UNSAID


def _now(approval_id: str) -> Response:
    """The request as it stands after what was done; `votes` included."""
    fresh: Approval = approvals.find(approval_id)
    return Response(shown(fresh))
