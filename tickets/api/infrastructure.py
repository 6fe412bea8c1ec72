"""Read-only looks at clusters and at Argo CD. A worker looks; what comes of it is answered here.

Each is a direct call of a tool, made for whoever asks: judged by the policy and kept in the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from agents.helpdesk import lookout, tasks, waiting
from agents.models import HelpdeskTask, TaskFailure, TaskState
from aura.kernel.errors import Forbidden, NotFound, Problem, Unavailable, ValidationFailed
from aura.kernel.http import envelope
from aura.kernel.later import answer_later
from aura.kernel.telemetry import context
from governance.identity import caller
from tickets.api import cluster_answers as answers
from tickets.api.views import ApiViewSet, documented, parameter

WAIT_S: Final = 20.0  # a page waits for it, so not for minutes
MOST_CHARS: Final = 253
CONTEXT = parameter("context", "Cluster: its id in the inventory or its kubeconfig context")
NAMESPACE = parameter("namespace", "Only of this namespace; all of them if omitted")
LABELS = parameter("labels", "Only those with these labels, e.g. `app=web`")
TYPE = parameter("type", "Only `Warning` or `Normal` events")
ABOUT = parameter("name", "Only events about the object of this name")
FAILURES = (400, 502)

DENIED: Final = "access denied"  # how tools begin to say that something is not in the inventory
ABSENT: Final = "Argo CD knows no such application"

Shape = Callable[[dict[str, Any]], dict[str, Any]]


class LookFailed(Problem):
    """What was asked outside says no, or does not answer."""

    code, status = "UPSTREAM_FAILED", 502


class Looks(ApiViewSet):
    """What both have in common."""

    def look(
        self, request: Request, tool: str, arguments: Mapping[str, str], shape: Shape
    ) -> Response:
        """Have a worker call the tool, and answer with what it finds."""
        said = {name: value for name, value in arguments.items() if value}
        for name, value in said.items():
            if len(value) > MOST_CHARS or "\0" in value:
                raise ValidationFailed("Invalid request", details={name: ["Is no name"]})
        trace = context.current()
        task = tasks.call(
            lookout.NAME,
            tool,
            said,
            by=caller(request),
            trace_id=trace.id if trace else tasks.new_trace(tasks.DIRECT),
        )
        wait_s = min(WAIT_S, settings.AURA.agent_wait_s)
        answer_later(request._request, partial(_answered, task.key, wait_s, shape))  # noqa: SLF001 - DRF's own way
        # What is answered where nobody can wait, as in a plain WSGI server.
        body = envelope(_unanswered())
        return Response(body, status=503, headers={"X-Trace-ID": task.trace_id})


async def _answered(key: str, wait_s: float, shape: Shape) -> tuple[int, Any, dict[str, str]]:
    task = await waiting.settled(key, wait_s)
    try:
        return 200, shape(_found(task)), {}
    except Problem as problem:
        return problem.status, envelope(problem), {}


def _found(task: HelpdeskTask | None) -> dict[str, Any]:
    """The data that the tool answered with. Raises the `Problem` that the task ended in."""
    if task is None or task.state not in waiting.SETTLED:
        raise _unanswered()
    if task.state == TaskState.COMPLETED and task.artifacts:
        found: dict[str, Any] = json.loads(task.artifacts[0]["parts"])
        return found
    denied = task.state == TaskState.INPUT_REQUIRED or task.failure == TaskFailure.DENIED
    if denied or task.text.startswith(DENIED):
        raise Forbidden(task.text)
    if task.failure == TaskFailure.FAILED:
        raise (NotFound if task.text.startswith(ABSENT) else LookFailed)(task.text)
    raise Unavailable(task.text or "Nobody looked")


def _unanswered() -> Unavailable:
    return Unavailable("No worker has looked in time; is one running?")


class Cluster(Looks):
    """/api/cluster"""

    @documented(answer=answers.Namespaces, failures=FAILURES, parameters=[CONTEXT])
    def namespaces(self, request: Request) -> Response:
        """GET /api/cluster/namespaces"""
        cluster = request.query_params.get("context", "")
        said = {"context": cluster}
        return self.look(request, "get_namespaces", said, _listed("namespaces"))

    @documented(answer=answers.Pods, failures=FAILURES, parameters=[CONTEXT, NAMESPACE, LABELS])
    def pods(self, request: Request) -> Response:
        """GET /api/cluster/pods"""
        labels = {"labels": request.query_params.get("labels", "")}
        return self.look(request, "get_pods", _where(request) | labels, _listed("pods"))

    @documented(answer=answers.ClusterServices, failures=FAILURES, parameters=[CONTEXT, NAMESPACE])
    def services(self, request: Request) -> Response:
        """GET /api/cluster/services"""
        return self.look(request, "get_service", _where(request), _listed("services"))

    @documented(answer=answers.Deployments, failures=FAILURES, parameters=[CONTEXT, NAMESPACE])
    def deployments(self, request: Request) -> Response:
        """GET /api/cluster/deployments"""
        return self.look(request, "get_deployments", _where(request), _listed("deployments"))

    @documented(
        answer=answers.ClusterEvents,
        failures=FAILURES,
        parameters=[CONTEXT, NAMESPACE, TYPE, ABOUT],
    )
    def events(self, request: Request) -> Response:
        """GET /api/cluster/events"""
        query = request.query_params
        said = {"event_type": query.get("type", ""), "resource_name": query.get("name", "")}
        return self.look(request, "get_events", _where(request) | said, _listed("events"))


class Argo(Looks):
    """/api/argo"""

    @documented(answer=answers.Applications, failures=FAILURES)
    def list(self, request: Request) -> Response:
        """GET /api/argo/apps"""
        return self.look(request, "argo_app_list", {}, _listed("apps"))

    @documented(answer=answers.ArgoApplication, failures=(*FAILURES, 404))
    def retrieve(self, request: Request, name: str) -> Response:
        """GET /api/argo/apps/:name"""
        return self.look(request, "argo_app_get", {"app": name}, dict)


def _where(request: Request) -> dict[str, str]:
    query = request.query_params
    namespace = query.get("namespace", "") or settings.AURA.k8s_namespace or "all"
    return {"context": query.get("context", ""), "namespace": namespace}


def _listed(key: str) -> Shape:
    """A list as this port has them: `{key: […], total, message?}`, in camel case."""

    def shape(data: dict[str, Any]) -> dict[str, Any]:
        rows = [{_camel(name): value for name, value in row.items()} for row in data[key]]
        more = {"message": data["message"]} if data.get("message") else {}
        return {key: rows, "total": data["count"], **more}

    return shape


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
