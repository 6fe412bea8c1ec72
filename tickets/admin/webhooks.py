"""Webhooks in the console: endpoints, their secrets, and what became of every delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
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
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timezone import now

from aura.kernel import outbound
from aura.kernel.errors import Problem
from governance.admin.base import ConsoleAdmin, ModelForm, focus_on_error
from governance.identity import principal
from governance.templatetags.shown import visible
from governance.types import Principal
from tickets.models import DeliveryState, WebhookEndpoint
from tickets.wakeups import deliver_now
from tickets.webhooks import endpoints
from tickets.webhooks.messages import KINDS

PER_PAGE = 20
MAX_HOURS = 24 * endpoints.KEEP.days
EDITABLE = ("url", "description", "events")


class EndpointFields(forms.Form):
    """Where to send, and what."""

    url = forms.CharField(
        label="URL",
        max_length=outbound.URL_CHARS,
        widget=forms.TextInput(attrs={"class": "wide"}),
        help_text="https; hosts inside the own network must be in AURA_OUTBOUND_ALLOW.",
    )
    description = forms.CharField(max_length=200, required=False)
    events = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=[(kind.name, f"{kind.name}: {kind.what}") for kind in KINDS],
    )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        try:
            outbound.parse(url)
        except Problem as problem:
            raise forms.ValidationError(problem.message) from None
        return url


class EndpointForm(EndpointFields, ModelForm):
    """A new endpoint."""

    class Meta:
        model = WebhookEndpoint
        fields = list(EDITABLE)


class NoForm(forms.Form):
    """Nothing to say."""


class EnableForm(forms.Form):
    catch_up = forms.BooleanField(
        label="also send what waited and what happened meanwhile", required=False
    )


class ReplayForm(forms.Form):
    delivery = forms.IntegerField(widget=forms.HiddenInput)


class ReplayFailedForm(forms.Form):
    hours = forms.IntegerField(
        label="Given up in the last hours", min_value=1, max_value=MAX_HOURS, initial=24
    )


Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`carry_out` returns what to tell the person."""

    form: type[forms.Form]
    carry_out: Callable[[WebhookEndpoint, Data, Principal], str]


def _edit(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    endpoints.update(endpoint, **{name: data[name] for name in EDITABLE}, actor=actor)
    return "Saved."


def _rotate(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    secret = endpoints.rotate(endpoint, actor=actor)
    hours = endpoints.OVERLAP // timedelta(hours=1)
    return (
        f"Copy the new secret now, it is not shown again: {secret}"
        f" (the old one signs too for {hours} hours)"
    )


def _disable(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    endpoints.disable(endpoint, actor=actor)
    return "Disabled: nothing more is sent."


def _enable(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    endpoints.enable(endpoint, actor=actor, catch_up=data["catch_up"])
    return "Enabled."


def _try_out(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    del data
    endpoints.try_out(endpoint, actor=actor)
    return "A test message is on its way; load the page again to see what became of it."


def _replay(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    delivery = endpoint.deliveries.filter(pk=data["delivery"]).first()
    if delivery is None:
        raise Http404
    endpoints.replay(delivery, actor=actor)
    return "It is sent again, under the same id."


def _replay_failed(endpoint: WebhookEndpoint, data: Data, actor: Principal) -> str:
    since = now() - timedelta(hours=data["hours"])
    count = endpoints.replay_failed(endpoint, since=since, actor=actor)
    return f"{count} messages are sent again."


VERBS: Final = {
    "edit": Verb(form=EndpointFields, carry_out=_edit),
    "rotate": Verb(form=NoForm, carry_out=_rotate),
    "disable": Verb(form=NoForm, carry_out=_disable),
    "enable": Verb(form=EnableForm, carry_out=_enable),
    "test": Verb(form=NoForm, carry_out=_try_out),
    "replay": Verb(form=ReplayForm, carry_out=_replay),
    "replay-failed": Verb(form=ReplayFailedForm, carry_out=_replay_failed),
}


class WebhookAdmin(ConsoleAdmin):
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """GET /admin/tickets/webhookendpoint/:id/change/"""
        del form_url, extra_context
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        endpoint = self.get_object(request, object_id)
        return self._page(request, endpoint) if endpoint else self.absent(request, object_id)

    def do_view(self, request: HttpRequest, endpoint_id: UUID, verb: str) -> HttpResponse:
        """POST /admin/tickets/webhookendpoint/:id/do/:verb/"""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        if verb not in VERBS:
            raise Http404(verb)
        endpoint = self.get_object(request, str(endpoint_id))
        if endpoint is None:
            return self.absent(request, str(endpoint_id))
        form = VERBS[verb].form(request.POST)
        if not form.is_valid():
            return self._page(request, endpoint, submitted={verb: focus_on_error(form)})
        try:
            done = VERBS[verb].carry_out(endpoint, form.cleaned_data, principal(request.user))
        except Problem as problem:
            messages.error(request, visible(problem.message))
        else:
            messages.success(request, done)
            deliver_now()
        page = reverse("admin:tickets_webhookendpoint_change", args=[endpoint.pk])
        return HttpResponseRedirect(page)

    def _page(
        self,
        request: HttpRequest,
        endpoint: WebhookEndpoint,
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
        plain = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **plain})

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
