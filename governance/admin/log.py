"""The log: every event, the bytes that were hashed, their proof, and whether all of it holds."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from aura.kernel.ids import iso
from governance.admin import logwords
from governance.admin.base import TraceAdmin
from governance.admin.logform import LogForm
from governance.audit import browse, checking, evidence, standing
from governance.audit.chain import GENESIS, chained
from governance.audit.contradiction import HALTED
from governance.audit.evidence import NotProvable
from governance.audit.export import VERIFIER
from governance.audit.query import Page
from governance.audit.record import data_of
from governance.identity import principal
from governance.models import AuditEvent, AuditLink
from governance.templatetags.shown import pretty, visible

PER_PAGE: Final = 50
CURSORS: Final = ("after", "before")  # keys of events: where a page begins
LIST: Final = "admin:governance_auditevent_changelist"


class AuditEventAdmin(TraceAdmin):
    """The list of all events, newest first, and one page each."""

    def get_urls(self) -> list[URLPattern]:
        own, name = self.admin_site.admin_view, "governance_auditevent"
        return [
            path("verify/", own(self.verify_view), name=f"{name}_verify"),
            path("export/", own(self.export_view), name=f"{name}_export"),
            path("verifier/", own(self.verifier_view), name=f"{name}_verifier"),
            path("<int:event_id>/proof/", own(self.proof_view), name=f"{name}_proof"),
            *super().get_urls(),
        ]

    # --- the list ---

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET /admin/governance/auditevent/"""
        del extra_context
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self._demand_view(request)
        form = LogForm(request.GET)
        valid = form.is_valid() and not any("\0" in value for value in request.GET.values())
        context = {
            **self.admin_site.each_context(request),
            "title": "Log",
            "opts": self.opts,
            "form": form,
            "standing": standing.read(),
            **_check(),
            **(self._events(request, form) if valid else {"rows": []}),
        }
        status = 200 if valid else 400
        template = "admin/governance/auditevent/list.html"
        return TemplateResponse(request, template, context, status=status)

    def _events(self, request: HttpRequest, form: LogForm) -> dict[str, Any]:
        """The page of events, and the ways on from it."""
        asked, says = form.asked()
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        page = Page(limit=PER_PAGE, behind=before or after, oldest_first=bool(before))
        seen = browse.look(asked, page, says=says)
        events = list(seen.events)[:: -1 if before else 1]
        first, last = (events[0].key, events[-1].key) if events else ("", "")
        newer, older = first if after else "", seen.behind
        if before:
            newer, older = seen.behind, last or before
        return {
            "rows": self._rows(events),
            "looked_back": seen.back_to if not before else None,
            "window": browse.WINDOW,
            "newest": _query(request) if before or after else "",
            "newer": _query(request, before=newer),
            "older": _query(request, after=older),
            "export": _query(request),
            "exported_most": browse.EXPORTED_MOST,
        }

    def _rows(self, events: list[AuditEvent]) -> list[dict[str, Any]]:
        links = AuditLink.objects.filter(event_id__in=[event.pk for event in events])
        places = dict(links.values_list("event_id", "seq"))
        self.know_traces(events)
        return [
            {
                "event": event,
                "place": places.get(event.pk),
                "who": self.who(event),
                "what": self.what(event),
                "trace": self.trace(event),
            }
            for event in events
        ]

    # --- what is done from it ---

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """POST /admin/governance/auditevent/verify/: a worker verifies all of the log."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse(LIST))
        self._demand_view(request)
        if not checking.start(by=principal(request.user)):
            messages.info(request, "A check runs already: its verdict comes here.")
        return HttpResponseRedirect(reverse(LIST))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/governance/auditevent/export/: what the filters find, as NDJSON."""
        self._demand_view(request)
        form = LogForm(request.GET)
        if not form.is_valid():
            return HttpResponseRedirect(f"{reverse(LIST)}{_query(request)}")
        asked, says = form.asked()
        return _file(browse.lines(asked, says=says), "aura-log.ndjson", "application/x-ndjson")

    def proof_view(self, request: HttpRequest, event_id: int) -> HttpResponse:
        """GET /admin/governance/auditevent/:id/proof/"""
        self._demand_view(request)
        event = self.get_object(request, str(event_id))
        if event is None:
            return self.absent(request, str(event_id))
        try:
            proof = evidence.proof_of(event)
            return _file(proof, _proof_name(event.link.seq), "application/json")
        except NotProvable as reason:
            messages.warning(request, visible(reason))
            return self.page_of(event_id)

    def verifier_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/governance/auditevent/verifier/: the file that checks proofs and exports."""
        self._demand_view(request)
        return _file(VERIFIER.read_bytes(), VERIFIER.name, "text/x-python; charset=utf-8")

    def _demand_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    # --- an event's page ---

    def show(self, request: HttpRequest, event: AuditEvent, /) -> HttpResponse:
        """GET /admin/governance/auditevent/:id/change/"""
        said = _said(event)
        told, more = logwords.facts(said)
        place = _place(event)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{visible(event.type)} at {iso(event.recorded_at)}",
            "opts": self.opts,
            "event": event,
            "trace_link": self.trace_link(event.trace_id),
            "events_link": self.events_link(event.trace_id, "all its events"),
            "what": self.what(event),
            "facts": told,
            "more_facts": more,
            "body": pretty(said) if said is not None else _as_it_is(event),
            "readable": said is not None,
            "place": place,
            "covered": place is not None and evidence.covered(place["seq"]),
            "proof_name": _proof_name(place["seq"]) if place else "",
            "verifier": VERIFIER.name,
            "log_key": evidence.trusted_key(),
        }
        return TemplateResponse(request, "admin/governance/auditevent/page.html", context)

    # --- columns ---

    def who(self, event: AuditEvent) -> str:
        """The kind of actor, and the name where there is one."""
        named = event.actor_name not in {"", event.actor}
        return visible(f"{event.actor} {event.actor_name}" if named else event.actor)

    def what(self, event: AuditEvent) -> str:
        """What happened, in a line."""
        return visible(event.action) if event.action != event.type else ""

    @admin.display(description="trace")
    def trace(self, event: AuditEvent) -> str:
        return self.trace_link(event.trace_id)


def _said(event: AuditEvent) -> Any:
    """What the hashed bytes say; None where they are no JSON (any more)."""
    try:
        return data_of(event.body)
    except ValueError:
        return None


def _as_it_is(event: AuditEvent) -> str:
    return visible(bytes(event.body).decode(errors="replace"))


def _place(event: AuditEvent) -> dict[str, Any] | None:
    """The event's place in the chain, its hashes in hex, and whether they are what they must be."""
    link: AuditLink | None = getattr(event, "link", None)
    if link is None:
        return None
    beside = AuditLink.objects.filter(seq__in=[link.seq - 1, link.seq + 1])
    near = {each.seq: each for each in beside}
    before = near.get(link.seq - 1)
    previous, own = bytes(link.prev_hash), bytes(link.hash)
    return {
        "seq": link.seq,
        "hash": own.hex(),
        "prev_hash": previous.hex(),
        "leaf": bytes(link.leaf).hex(),
        "before": before,
        "next": near.get(link.seq + 1),
        "body_holds": own == chained(previous, bytes(event.body)),
        "chain_holds": previous == (bytes(before.hash) if before else GENESIS)
        and (before is not None or link.seq == 1),
    }


def _check() -> dict[str, Any]:
    """The last verification that somebody asked for."""
    check = checking.latest()
    state = checking.state(check)
    at_it = state in {checking.State.WAITING, checking.State.RUNNING}
    return {"check": check, "check_state": state, "at_it": at_it, "halted": HALTED}


def _query(request: HttpRequest, **cursor: str | None) -> str:
    """The address with the same filters, from another place on; empty for no place at all."""
    if cursor and not any(cursor.values()):
        return ""
    query = request.GET.copy()
    for name in CURSORS:
        query.pop(name, None)
    for name, value in cursor.items():
        query[name] = value or ""
    return f"?{query.urlencode()}"


def _proof_name(seq: int) -> str:
    return f"aura-event-{seq}.json"


def _file(content: bytes, name: str, content_type: str) -> HttpResponse:
    """A download that nobody keeps on the way."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=content_type, headers=headers)
