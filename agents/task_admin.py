"""The helpdesk's tasks in the console: what was asked of the agents, and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from agents.models import HelpdeskTask
from aura.kernel.text import one_line
from governance.admin.base import TimeFilter, TraceAdmin
from governance.models import Approval
from governance.templatetags.shown import visible

QUESTION_CHARS = 120


class HelpdeskTaskAdmin(TraceAdmin):
    """The list of all tasks, newest first; each leads to its page. Nothing is changed here."""

    list_display = ["time", "key", "agent", "what", "state_of", "who", "trace"]
    list_display_links = ["key"]
    list_filter = ["state", "agent", ("created_at", TimeFilter)]
    search_fields = ["key__exact", "trace_id__exact", "context_id__exact"]
    search_help_text = "a whole id (task-…), trace or context"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may ask agents, as on the gateway: answers hold what databases hold."""
        del obj
        return request.user.has_perm("agents.ask_agents")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def show(self, request: HttpRequest, task: HelpdeskTask, /) -> HttpResponse:
        """GET /admin/agents/helpdesktask/:id/change/"""
        waits = task.approval and request.user.has_perm("governance.view_approval")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Task {task.key}",
            "opts": self.opts,
            "task": task,
            "approval": Approval.objects.filter(key=task.approval).first() if waits else None,
            "trace": self.trace_link(task.trace_id),
        }
        return TemplateResponse(request, "admin/agents/task.html", context)

    @admin.display(description="time (UTC)", ordering="created_at")
    def time(self, task: HelpdeskTask) -> str:
        return task.created_at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="question or tool")
    def what(self, task: HelpdeskTask) -> str:
        if task.tool:
            return format_html("<code>{}</code>", visible(task.tool))
        return format_html("<bdi>{}</bdi>", one_line(visible(task.question), QUESTION_CHARS))

    @admin.display(description="state", ordering="state")
    def state_of(self, task: HelpdeskTask) -> str:
        return format_html('<span class="badge is-{}">{}</span>', task.state, task.state)

    @admin.display(description="asked by", ordering="asked_by")
    def who(self, task: HelpdeskTask) -> str:
        return visible(task.asked_by)

    @admin.display(description="trace")
    def trace(self, task: HelpdeskTask) -> str:
        return self.trace_link(task.trace_id)
