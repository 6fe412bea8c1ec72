"""The list of tickets, and their pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from aura.kernel.errors import Problem
from governance.admin.base import ONE_BUTTON, PageAdmin, focus_on_error, whole_text
from governance.approvals import Seen, ShownIsStale
from governance.identity import decider, principal
from governance.templatetags.shown import visible
from tickets import services
from tickets.admin import conversation, page, waiting, words
from tickets.admin.forms import OpenForm, state_of
from tickets.admin.verbs import VERBS, Verb
from tickets.lifecycle import WAITING
from tickets.models import Ticket


class TicketAdmin(PageAdmin):
    """Every change goes through `tickets.services`; the model is never saved from here."""

    form = OpenForm
    list_display = ["name", "state", "priority", "turns", "created", "updated"]
    list_filter = ["status", "priority"]
    search_fields = ["title", "description"]
    ordering = ["-created_at", "-id"]

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(function)

        ours = (
            ("do/<slug:name>/", self.do_view, "do"),
            ("conversation/", self.conversation_view, "conversation"),
            ("text/<uuid:call_id>/<slug:name>/", self.text_view, "text"),
        )
        return [
            *(
                path(f"<uuid:ticket_id>/{route}", view(page), name=f"tickets_ticket_{name}")
                for route, page, name in ours
            ),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Ticket | None = None) -> bool:
        """Never: a ticket that is not wanted is cancelled, and its log stays."""
        del request, obj
        return False

    # --- pages ---

    def do_view(self, request: HttpRequest, ticket_id: UUID, name: str) -> HttpResponse:
        """POST /admin/tickets/ticket/:id/do/:verb/"""
        if request.method != "POST":
            return self.page_of(ticket_id)
        verb = VERBS.get(name)
        if verb is None:
            raise Http404(name)
        if not (self.has_view_permission(request) and request.user.has_perm(verb.permission)):
            raise PermissionDenied
        ticket = self.get_object(request, str(ticket_id))
        if ticket is None:
            return self.absent(request, str(ticket_id))
        try:
            form = self._do(request, verb, ticket)
        except Problem as problem:
            return self._not_done(request, verb, ticket, problem)
        if form is not None:
            return self.show(request, ticket, submitted={name: focus_on_error(form)})
        page_url = reverse("admin:tickets_ticket_change", args=[ticket.pk])
        return HttpResponseRedirect(f"{page_url}?follow=1")

    def conversation_view(self, request: HttpRequest, ticket_id: UUID) -> HttpResponse:
        """GET /admin/tickets/ticket/:id/conversation/"""
        ticket = self._seen(request, ticket_id)
        window, said = conversation.conversation(ticket, request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Conversation: {visible(ticket.title)}",
            "opts": self.opts,
            "ticket": ticket,
            "window": window,
            "said": said,
        }
        return TemplateResponse(request, "admin/tickets/ticket/conversation.html", context)

    def text_view(
        self, request: HttpRequest, ticket_id: UUID, call_id: UUID, name: str
    ) -> HttpResponse:
        """GET /admin/tickets/ticket/:id/text/:call/(arguments|result|diff)/: all of it, as text."""
        return whole_text(conversation.text_of(self._seen(request, ticket_id), call_id, name))

    def _seen(self, request: HttpRequest, ticket_id: UUID) -> Ticket:
        """The ticket, for somebody who may look. Raises `PermissionDenied` and `Http404`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket: Ticket | None = self.get_object(request, str(ticket_id))
        if ticket is None:
            raise Http404(ticket_id)
        return ticket

    def _do(self, request: HttpRequest, verb: Verb, ticket: Ticket) -> forms.Form | None:
        """Carry the verb out. Returns the form when it was not filled in well. Raises `Problem`."""
        now_waiting = waiting.waiting(ticket)
        form = verb.form(request.POST, ticket, now_waiting)
        if not form.is_valid():
            if verb.possible(ticket, now_waiting):
                return form
            raise ShownIsStale("The ticket has moved on: this is not possible any more")
        seen = Seen(
            request=request.POST.get("request", ""),
            fingerprint=request.POST.get("fingerprint", ""),
        )
        done = verb.do(ticket, form.cleaned_data, seen=seen, actor=decider(request.user))
        messages.success(request, done)
        return None

    def _not_done(
        self, request: HttpRequest, verb: Verb, ticket: Ticket, problem: Problem
    ) -> HttpResponse:
        """The page as it is now, with what was typed."""
        messages.error(request, visible(_sentence(problem)))
        ticket.refresh_from_db()
        typed = {**request.POST.dict(), "seen": state_of(ticket)}
        form = verb.form(typed, ticket, waiting.waiting(ticket))
        return self.show(request, ticket, submitted={verb.name: form}, status=problem.status)

    def history_view(
        self, request: HttpRequest, object_id: str, *_: Any, **__: Any
    ) -> HttpResponse:
        """GET /admin/tickets/ticket/:id/history/ is the log of the ticket."""
        del request
        log = reverse("admin:governance_auditevent_changelist", query={"q": object_id})
        return HttpResponseRedirect(log)

    def show(
        self,
        request: HttpRequest,
        ticket: Ticket,
        /,
        *,
        submitted: dict[str, forms.Form] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": visible(ticket.title),
            "opts": self.opts,
            **page.context(request, ticket, submitted=submitted),
        }
        return TemplateResponse(request, "admin/tickets/ticket/page.html", context, status=status)

    # --- opening a ticket ---

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        context = {**(extra_context or {}), "title": "Open a ticket", **ONE_BUTTON}
        return super().changeform_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Ticket, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Open the ticket by the verb, and run it if asked; `obj` lends its key to the redirect."""
        del change
        values = {name: form.cleaned_data[name] for name in form.Meta.fields}
        ticket = services.create_ticket(**values, actor=principal(request.user))
        obj.pk = ticket.pk
        if "_run" not in request.POST:
            done = "The ticket is open. Nothing happens before the agent is started."
        elif request.user.has_perm(VERBS["run"].permission):
            done = VERBS["run"].do(ticket, {}, seen=Seen(), actor=decider(request.user))
        else:
            raise PermissionDenied
        messages.success(request, done)

    def response_add(self, request: HttpRequest, obj: Ticket, *_: Any) -> HttpResponse:
        page_url = reverse("admin:tickets_ticket_change", args=[obj.pk])
        return HttpResponseRedirect(f"{page_url}?follow=1" if "_run" in request.POST else page_url)

    # --- columns ---

    @admin.display(description="title", ordering="title")
    def name(self, ticket: Ticket) -> str:
        return visible(ticket.title)

    @admin.display(description="status", ordering="status")
    def state(self, ticket: Ticket) -> str:
        badge = format_html(
            '<span class="badge is-{}">{}</span>', ticket.status, words.status(ticket.status)
        )
        if ticket.status not in WAITING:
            return badge
        page_url = reverse("admin:tickets_ticket_change", args=[ticket.pk])
        return format_html('{} <a class="needs" href="{}#decide">needs you</a>', badge, page_url)

    @admin.display(description="turns", ordering="current_turn")
    def turns(self, ticket: Ticket) -> str:
        return f"{ticket.current_turn} / {ticket.max_turns}"

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, ticket: Ticket) -> str:
        return f"{ticket.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="updated (UTC)", ordering="updated_at")
    def updated(self, ticket: Ticket) -> str:
        return f"{ticket.updated_at:%Y-%m-%d %H:%M}"


def _sentence(problem: Problem) -> str:
    """A problem as one text: its message and what its details say."""
    complaints = [
        text for texts in problem.details.values() if isinstance(texts, list) for text in texts
    ]
    if problem.code != "VALIDATION_ERROR" or not complaints:
        return problem.message
    return f"{problem.message}: {'; '.join(str(text) for text in complaints)}"
