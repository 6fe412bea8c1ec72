"""The log: every event, the bytes that were hashed, and whether the chain holds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from aura.kernel.ids import iso
from governance.admin.base import TimeFilter, TraceAdmin
from governance.audit.chain import GENESIS, chained
from governance.audit.contradiction import HALTED
from governance.audit.record import data_of
from governance.audit.verify import Verdict, verify
from governance.models import AuditEvent, AuditLink
from governance.templatetags.shown import pretty, visible

# One step through the index for each type: the log is long, its types are few.
TYPES_IN_USE = """
WITH RECURSIVE found AS (
    (SELECT type FROM governance_auditevent ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.type FROM governance_auditevent e WHERE e.type > found.type
            ORDER BY e.type LIMIT 1)
    FROM found WHERE found.type IS NOT NULL
) SELECT type FROM found WHERE type IS NOT NULL
"""


class TypeFilter(admin.SimpleListFilter):
    """By type of event; offers the types that occur."""

    title = parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        with connection.cursor() as cursor:
            cursor.execute(TYPES_IN_USE)
            return [(name, visible(name)) for (name,) in cursor.fetchall()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent]
    ) -> QuerySet[AuditEvent]:
        del request
        return queryset.filter(type=self.value()) if self.value() else queryset


class AuditEventAdmin(TraceAdmin):
    """The list of all events, newest first, and one page each."""

    list_display = ["place", "time", "kind", "who", "what", "trace"]
    list_display_links = ["place", "time"]
    list_filter = [TypeFilter, "actor", ("recorded_at", TimeFilter)]
    list_select_related = ["link"]
    search_fields = ["trace_id__exact"]
    search_help_text = "a whole trace, e.g. the id of a ticket"
    change_list_template = "admin/governance/auditevent/list.html"

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(self.verify_view)
        name = "governance_auditevent_verify"
        return [path("verify/", check, name=name), *super().get_urls()]

    def show(self, request: HttpRequest, event: AuditEvent, /) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{visible(event.type)} at {iso(event.recorded_at)}",
            "opts": self.opts,
            "event": event,
            "trace_link": self.trace_link(event.trace_id),
            "events_link": self.events_link(event.trace_id, "all its events"),
            "body": _body(event),
            "place": _place(event),
        }
        return TemplateResponse(request, "admin/governance/auditevent/page.html", context)

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """POST /admin/governance/auditevent/verify/"""
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:governance_auditevent_changelist"))
        if not self.has_view_permission(request):
            raise PermissionDenied
        _report(request, verify())
        return HttpResponseRedirect(reverse("admin:governance_auditevent_changelist"))

    # --- columns ---

    @admin.display(description="#")
    def place(self, event: AuditEvent) -> str:
        link = getattr(event, "link", None)
        return str(link.seq) if link else "not linked yet"

    @admin.display(description="time (UTC)", ordering="recorded_at")
    def time(self, event: AuditEvent) -> str:
        return event.recorded_at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="type", ordering="type")
    def kind(self, event: AuditEvent) -> str:
        return visible(event.type)

    @admin.display(description="actor", ordering="actor")
    def who(self, event: AuditEvent) -> str:
        named = event.actor_name not in {"", event.actor}
        return visible(f"{event.actor} {event.actor_name}" if named else event.actor)

    @admin.display(description="what", empty_value="")
    def what(self, event: AuditEvent) -> str:
        return visible(event.action) if event.action != event.type else ""

    @admin.display(description="trace")
    def trace(self, event: AuditEvent) -> str:
        return self.trace_link(event.trace_id)


def _body(event: AuditEvent) -> str:
    """The hashed bytes, for reading; as they are when they are no JSON (any more)."""
    try:
        return pretty(data_of(event.body))
    except ValueError:
        return visible(bytes(event.body).decode(errors="replace"))


def _place(event: AuditEvent) -> dict[str, Any] | None:
    """The event's place in the chain, its hashes in hex, and whether they are what they must be."""
    link: AuditLink | None = getattr(event, "link", None)
    if link is None:
        return None
    before = AuditLink.objects.filter(seq=link.seq - 1).first()
    previous, own = bytes(link.prev_hash), bytes(link.hash)
    return {
        "seq": link.seq,
        "hash": own.hex(),
        "prev_hash": previous.hex(),
        "leaf": bytes(link.leaf).hex(),
        "before": before,
        "body_holds": own == chained(previous, bytes(event.body)),
        "chain_holds": previous == (bytes(before.hash) if before else GENESIS)
        and (before is not None or link.seq == 1),
    }


def _report(request: HttpRequest, verdict: Verdict) -> None:
    if verdict.valid:
        messages.success(request, f"The chain holds: {verdict.events} events, none altered.")
        return
    messages.error(
        request,
        f"The chain is broken at #{verdict.broken_at}: {verdict.problem}."
        f" {HALTED[0].upper()}{HALTED[1:]}.",
    )
