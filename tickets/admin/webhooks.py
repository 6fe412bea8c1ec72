"""Webhooks in the console: endpoints, their secrets, and what became of every delivery."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timezone import now

from aura.kernel.errors import Problem
from governance.admin.base import ONE_BUTTON, PageAdmin, focus_on_error
from governance.identity import principal
from governance.templatetags.shown import visible
from tickets.admin.webhook_verbs import (
    EDITABLE,
    VERBS,
    EnableForm,
    EndpointFields,
    EndpointForm,
    ReplayFailedForm,
)
from tickets.models import DeliveryState, WebhookEndpoint
from tickets.wakeups import deliver_now
from tickets.webhooks import endpoints

PER_PAGE = 20


class WebhookAdmin(PageAdmin):
    """Every change goes through `tickets.webhooks.endpoints`."""

    form = EndpointForm
    list_display = ["where", "about", "state", "waiting", "failed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        def count(state: DeliveryState) -> Count:
            return Count("deliveries", filter=Q(deliveries__state=state))

        found: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return found.annotate(pending=count(DeliveryState.PENDING), dead=count(DeliveryState.DEAD))

    def get_urls(self) -> list[URLPattern]:
        do = self.admin_site.admin_view(self.do_view)
        name = "tickets_webhookendpoint_do"
        return [path("<uuid:endpoint_id>/do/<slug:verb>/", do, name=name), *super().get_urls()]

    # --- pages ---

    def do_view(self, request: HttpRequest, endpoint_id: UUID, verb: str) -> HttpResponse:
        """POST /admin/tickets/webhookendpoint/:id/do/:verb/"""
        if request.method != "POST":
            return self.page_of(endpoint_id)
        if not self.has_change_permission(request):
            raise PermissionDenied
        if verb not in VERBS:
            raise Http404(verb)
        endpoint = self.get_object(request, str(endpoint_id))
        if endpoint is None:
            return self.absent(request, str(endpoint_id))
        form = VERBS[verb].form(request.POST)
        if not form.is_valid():
            return self.show(request, endpoint, submitted={verb: focus_on_error(form)})
        try:
            done = VERBS[verb].carry_out(endpoint, form.cleaned_data, principal(request.user))
        except Problem as problem:
            messages.error(request, visible(problem.message))
        else:
            messages.success(request, done)
            deliver_now()
        page = reverse("admin:tickets_webhookendpoint_change", args=[endpoint.pk])
        return HttpResponseRedirect(page)

    def show(
        self,
        request: HttpRequest,
        endpoint: WebhookEndpoint,
        /,
        *,
        submitted: dict[str, forms.Form] | None = None,
    ) -> HttpResponse:
        edit = EndpointFields(initial={name: getattr(endpoint, name) for name in EDITABLE})
        fresh = {"edit": edit, "enable": EnableForm(), "replay_failed": ReplayFailedForm()}
        again = {name.replace("-", "_"): form for name, form in (submitted or {}).items()}
        window = Paginator(endpoint.deliveries.all(), PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "title": visible(endpoint.url),
            "opts": self.opts,
            "endpoint": endpoint,
            "both_sign": endpoint.old_secret_until and endpoint.old_secret_until > now(),
            "may_change": self.has_change_permission(request),
            "may_delete": self.has_delete_permission(request),
            "forms": {**fresh, **again},
            "unfolded": set(again),
            "window": window,
        }
        return TemplateResponse(request, "admin/tickets/webhookendpoint/page.html", context)

    # --- adding and deleting, in Django's own pages ---

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET and POST /admin/tickets/webhookendpoint/add/"""
        return super().add_view(request, form_url, {**(extra_context or {}), **ONE_BUTTON})

    def save_model(
        self,
        request: HttpRequest,
        obj: WebhookEndpoint,
        form: Any,
        change: bool,  # noqa: FBT001 - Django's
    ) -> None:
        del change
        values = {name: form.cleaned_data[name] for name in EDITABLE}
        made, secret = endpoints.create(**values, actor=principal(request.user))
        obj.pk = made.pk
        messages.success(request, f"Copy the signing secret now, it is not shown again: {secret}")

    def response_add(self, request: HttpRequest, obj: WebhookEndpoint, *_: Any) -> HttpResponse:
        """To the page of the new endpoint; the message of `save_model` says the rest."""
        del request
        return HttpResponseRedirect(reverse("admin:tickets_webhookendpoint_change", args=[obj.pk]))

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        endpoints.delete(obj, actor=principal(request.user))

    def history_view(
        self, request: HttpRequest, object_id: str, *_: Any, **__: Any
    ) -> HttpResponse:
        """What was done is in the log."""
        del request, object_id
        return HttpResponseRedirect(reverse("admin:governance_auditevent_changelist"))

    # --- columns ---

    def where(self, endpoint: WebhookEndpoint) -> str:
        return visible(endpoint.url)[:100]

    def about(self, endpoint: WebhookEndpoint) -> str:
        return visible(endpoint.description)

    def state(self, endpoint: WebhookEndpoint) -> str:
        if not endpoint.active:
            reason = visible(endpoint.disabled_reason)
            return format_html('<span class="badge is-failed">disabled</span> {}', reason)
        if endpoint.failing_since:
            since = f"{endpoint.failing_since:%Y-%m-%d %H:%M}"
            return format_html('<span class="badge is-paused">failing</span> since {}', since)
        return format_html('<span class="badge is-resolved">{}</span>', "active")

    def waiting(self, endpoint: Any) -> int:
        return int(endpoint.pending)

    def failed(self, endpoint: Any) -> int:
        return int(endpoint.dead)
