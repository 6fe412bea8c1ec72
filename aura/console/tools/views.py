"""GET /admin/tools/, and one tool, which can be tried where it only reads."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.utils.timezone import now

from agents.helpdesk import tasks, waiting
from agents.models import HelpdeskTask
from aura.console.navigation import APPROVALS, ASK, SEE
from aura.console.tools import answers, figures, known, places
from aura.console.tools.forms import ArgumentsForm, PurposeForm
from aura.console.tools.known import Known
from aura.kernel.clients import address
from aura.kernel.errors import Problem
from aura.kernel.later import answer_later
from aura.kernel.throttling import count_request
from governance.access import READ_LOG
from governance.admin.base import focus_on_error
from governance.identity import decider
from governance.models import Approval
from governance.templatetags.shown import visible
from tickets.admin.dashboard import facts, health

PATIENCE_S: Final = 10.0  # then the page says that the call is still at work


def tools(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET /admin/tools/: each agent with its tools and their classes."""
    _admit(request)
    calls = figures.by_tool(figures.latest())
    shown = [
        (shelf, [(one, calls.get((one.agent.name, one.tool.name))) for one in shelf.tools])
        for shelf in known.shelves()
    ]
    state = facts.agents(now())
    more = {
        "title": "Agents and tools",
        "shelves": shown,
        "days": figures.DAYS,
        "faults": health.of_agents(state),
        "panel": health.agents(state),
    }
    return TemplateResponse(request, "admin/tools/list.html", {**context, **more})


def tool(request: HttpRequest, context: dict[str, Any], agent: str, name: str) -> HttpResponse:
    """GET, POST /admin/tools/:agent/:name/"""
    _admit(request)
    found = known.find(agent, name)
    if found is None:
        raise Http404(name)
    if request.method == "POST":
        return _try(request, context, found)
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return _page(request, context, found)


def _admit(request: HttpRequest) -> None:
    if not request.user.has_perm(SEE):
        raise PermissionDenied


def _try(request: HttpRequest, context: dict[str, Any], found: Known) -> HttpResponse:
    """Call it as the gateway does; the answer to the POST comes when the call is settled."""
    if not request.user.has_perm(ASK):
        raise PermissionDenied
    if not found.can_be_tried:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    form = ArgumentsForm(found, request.POST, known_places=places.offered(found))
    purpose = PurposeForm(request.POST)
    if not (form.is_valid() & purpose.is_valid()):
        focus_on_error(form)
        return _page(request, context, found, forms=(form, purpose))
    try:
        count_request(address(request.META))
        task = tasks.call(
            found.agent.name,
            found.tool.name,
            form.said(),
            by=decider(request.user),
            purpose=purpose.cleaned_data["purpose"],
        )
    except Problem as problem:
        messages.error(request, visible(problem.message))
        return _page(request, context, found, forms=(form, purpose), status=problem.status)
    answer_later(request, partial(_settled, task.key))
    return HttpResponseRedirect(f"{request.path}?task={task.key}#answer")


async def _settled(key: str) -> tuple[int, Any, dict[str, str]]:
    """Leads to the page of the answer once there is one, or when nobody should wait any more."""
    with suppress(Problem):
        await waiting.settled(key, PATIENCE_S)
    return 302, "", {}


def _page(
    request: HttpRequest,
    context: dict[str, Any],
    found: Known,
    *,
    forms: tuple[ArgumentsForm, PurposeForm] | None = None,
    status: int = 200,
) -> HttpResponse:
    may_ask = request.user.has_perm(ASK)
    task = _task(request, found) if may_ask and forms is None else None
    counted = figures.latest()
    own = task if task and task.asked_by == request.user.get_username() else None
    arguments, purpose = forms or _blank(found, own)
    more = {
        "title": found.title,
        "known": found,
        "may_ask": may_ask,
        "form": arguments,
        "purpose": purpose,
        "task": task,
        "answer": answers.of(task) if task else None,
        "approval": _approval(request, task) if task else None,
        "sees_log": request.user.has_perm(READ_LOG),
        "verdicts": places.verdicts(found, request.user),
        "calls": figures.by_tool(counted).get((found.agent.name, found.tool.name)),
        "panel": figures.panel(found, counted),
        "days": figures.DAYS,
    }
    return TemplateResponse(request, "admin/tools/tool.html", {**context, **more}, status=status)


def _blank(found: Known, task: HelpdeskTask | None) -> tuple[ArgumentsForm, PurposeForm]:
    """Forms to be filled in; with what this person said in the call whose answer is shown."""
    said = task.arguments if task else None
    initial = {"purpose": task.purpose} if task else None
    offered = places.offered(found)
    return ArgumentsForm(found, said=said, known_places=offered), PurposeForm(initial=initial)


def _task(request: HttpRequest, found: Known) -> HelpdeskTask | None:
    """The call that the address names, where it is one of this tool."""
    task = tasks.find(request.GET.get("task", ""))
    called = (found.agent.name, found.tool.name)
    return task if task and (task.agent, task.tool) == called else None


def _approval(request: HttpRequest, task: HelpdeskTask) -> Approval | None:
    """The request that the call waits for, for somebody who may see it."""
    if not task.approval or not request.user.has_perm(APPROVALS):
        return None
    return Approval.objects.filter(key=task.approval).first()
