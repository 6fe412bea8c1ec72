"""The versions of the policy: the list, a page each, and what is done there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from aura.kernel.errors import Problem
from governance.admin.base import LogAdmin, PageAdmin, ReadOnlyAdmin, focus_on_error, whole_text
from governance.admin.policies import asking, history, reading, writing
from governance.admin.policies.verbs import VERBS, offered
from governance.models import PolicyVersion
from governance.policy import activation, current, deciders, words
from governance.policy.activation import PolicyNotActivated
from governance.policy.rows import principal_of
from governance.templatetags.shown import visible

BUILT_IN = "built-in"  # in the place of a key


class PolicyVersionAdmin(LogAdmin, PageAdmin, ReadOnlyAdmin):
    """Rows are kept for good; what is changed is which of them counts."""

    list_display = ["name", "state", "loaded", "activated", "people"]
    list_display_links = ["name"]
    search_fields = ["source", "digest__startswith", "loaded_by", "proposed_by", "confirmed_by"]
    search_help_text = "source, first digits of the version, or a person"
    ordering = ["-active", "-waiting", "-shadow", "-activated_at", "-loaded_at", "-id"]
    sortable_by = ()
    change_list_template = "admin/governance/policyversion/list.html"

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view
        return [
            path("ask/", own(self.ask_view), name="governance_policyversion_ask"),
            path("<str:key>/cases/", own(self.cases_view), name="governance_policyversion_cases"),
            path(
                "<str:key>/do/<slug:name>/", own(self.do_view), name="governance_policyversion_do"
            ),
            path(
                "<str:key>/text/<slug:name>/",
                own(self.text_view),
                name="governance_policyversion_text",
            ),
            *super().get_urls(),
        ]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> PolicyVersion | None:
        """The version with this key; the built-in default needs no row."""
        if object_id == BUILT_IN:
            return reading.built_in()
        found: PolicyVersion | None = super().get_object(request, object_id, from_field)
        return found

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """GET /admin/governance/policyversion/"""
        more = {
            "title": "Policies",
            "status": [line.split(":", 1) for line in words.status(current.policy())],
            "broken": current.policy().source == current.NOT_ACTIVATED,
            "may_change": deciders.may_change(_person(request)),
            "told": history.history(),
        }
        return super().changelist_view(request, {**(extra_context or {}), **more})

    # --- a version ---

    def show(self, request: HttpRequest, version: PolicyVersion, /) -> HttpResponse:
        """GET /admin/governance/policyversion/:id/change/"""
        return self._page(request, version)

    def do_view(self, request: HttpRequest, key: str, name: str) -> HttpResponse:
        """POST /admin/governance/policyversion/:id/do/(confirm|refuse|propose|shadow|end)/"""
        if name not in VERBS:
            raise Http404(name)
        if request.method != "POST":
            return self.page_of(key)
        version = self._for_changing(request, key)
        if version is None:
            return self.absent(request, key)
        form = VERBS[name].form(request.POST)
        if not form.is_valid():
            return self._page(request, version, submitted={name: focus_on_error(form)})
        try:
            if request.POST.get("digest") != version.digest:
                raise PolicyNotActivated("The form does not say what it showed; nothing was done")
            version = _with_row(version, _person(request))
            over = request.POST.get("over", "")
            done = VERBS[name].carry_out(version, _person(request), form.cleaned_data, over)
        except Problem as problem:
            messages.error(request, visible(problem.message))
            return self._page(request, version, submitted={name: form}, status=problem.status)
        messages.success(request, visible(done))
        return self.page_of(version.pk)

    def text_view(self, request: HttpRequest, key: str, name: str) -> HttpResponse:
        """GET /admin/governance/policyversion/:id/text/(source|diff)/: all of it, as text."""
        version = self._for_looking(request, key)
        if version is None or name not in {"source", "diff"}:
            raise Http404(name)
        if name == "source":
            return whole_text(version.text)
        before = current.policy().source
        return whole_text(reading.text_diff(current.text(), version.text, before))

    # --- pages of their own ---

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET, POST /admin/governance/policyversion/add/: a new document."""
        del form_url, extra_context
        self._require_role(request)
        key = request.GET.get("from", "")
        answer = writing.new(request, self.get_object(request, key) if key else None)
        if answer.kept is not None:
            return self.page_of(answer.kept.pk)
        return self._own(request, "new", "A new document", **answer.context)

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """GET /admin/governance/policyversion/ask/: what would be decided."""
        of = request.GET.get("of", "")
        version = self._for_looking(request, of) if of else None
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._own(request, "ask", "What would be decided?", **asking.ask(request, version))

    def cases_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """GET, POST /admin/governance/policyversion/:id/cases/: whether its cases hold."""
        version = self._for_looking(request, key)
        if version is None:
            return self.absent(request, key)
        return self._own(request, "cases", "Cases", **asking.cases_of(request, version))

    # --- parts ---

    def _for_looking(self, request: HttpRequest, key: str) -> PolicyVersion | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, key)

    def _for_changing(self, request: HttpRequest, key: str) -> PolicyVersion | None:
        self._require_role(request)
        return self.get_object(request, key)

    def _require_role(self, request: HttpRequest) -> None:
        if not (self.has_view_permission(request) and deciders.may_change(_person(request))):
            raise PermissionDenied

    def _page(
        self,
        request: HttpRequest,
        version: PolicyVersion,
        *,
        submitted: Mapping[str, forms.Form] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        if reading.is_kept(version):
            version.refresh_from_db()
        # In this order: what is shown is at least as new as what the forms say it is.
        over = activation.in_force()
        current.forget()
        person, kept = _person(request), submitted or {}
        may = deciders.may_change(person)
        context = {
            "version": version,
            "key": version.pk or BUILT_IN,
            "standing": reading.standing(version),
            "reading": reading.read(version),
            "over": over,
            "because": deciders.obstacle(version, person, may=may) if version.waiting else "",
            "may_change": may,
            "default": current.configured().default_effect,
            "forms": {
                name: kept.get(name, form)
                for name, form in (offered(version, person) if may else {}).items()
            },
        }
        title = f"Policy {visible(version)}"
        return self._own(request, "page", title, status=status, **context)

    def _own(
        self, request: HttpRequest, template: str, title: str, *, status: int = 200, **more: Any
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        name = f"admin/governance/policyversion/{template}.html"
        return TemplateResponse(request, name, {**context, **more}, status=status)

    # --- columns ---

    @admin.display(description="version")
    def name(self, version: PolicyVersion) -> str:
        return visible(version)

    @admin.display(description="state")
    def state(self, version: PolicyVersion) -> str:
        badges = reading.standing(version)
        return format_html_join(" ", '<span class="badge is-{}">{}</span>', badges)

    @admin.display(description="loaded (UTC)")
    def loaded(self, version: PolicyVersion) -> str:
        return f"{version.loaded_at:%Y-%m-%d %H:%M} by {visible(version.loaded_by)}"

    @admin.display(description="in force since (UTC)", empty_value="-")
    def activated(self, version: PolicyVersion) -> str | None:
        return f"{version.activated_at:%Y-%m-%d %H:%M}" if version.activated_at else None

    @admin.display(description="proposed, confirmed by")
    def people(self, version: PolicyVersion) -> str:
        return format_html(
            "{}{}",
            visible(version.proposed_by) or "-",
            f", {visible(version.confirmed_by)}" if version.confirmed_by else "",
        )


def _person(request: HttpRequest) -> User:
    """Who is logged in: nobody else comes to the console's pages."""
    return cast("User", request.user)


def _with_row(version: PolicyVersion, by: User) -> PolicyVersion:
    """The built-in default is kept when something is done with it for the first time."""
    if reading.is_kept(version):
        return version
    return activation.keep(version.text, source=version.source, by=principal_of(by))
