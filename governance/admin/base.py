"""What the console's pages share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from governance.access import READ_LOG
from governance.templatetags.shown import short, visible

if TYPE_CHECKING:  # they take their model as a parameter in the stubs alone
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm

REASON_CHARS = 10_000  # as in the API
COMPARED = {"exact", "isnull", "isempty", "in", "lt", "lte", "gt", "gte"}  # by filters of lists
ONE_BUTTON = {"show_save_and_continue": False, "show_save_and_add_another": False}


class ConsoleAdmin(ModelAdmin):
    """A model in the console. What is done there is told in the log, hence not in Django's own."""

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # counting every filter's rows takes long on a long log
    list_per_page = 50

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: see the class."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing: see the class."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Nothing: see the class."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The list, named after what is in it."""
        named = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, {**named, **(extra_context or {})})

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """What the filters ask. Any other lookup in an address would be a question of its own: of
        a column nobody shows, or by a pattern the database works on for ever.
        """
        name, *way = lookup.split("__")
        filters = {one[0] if isinstance(one, tuple) else one for one in self.list_filter}
        if way and not (name in filters and way[-1] in COMPARED):
            return False
        return super().lookup_allowed(lookup, value, request)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's own log is empty: what was done is on the row's page, and in our log."""
        del request, extra_context
        return self.page_of(object_id)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Django's words would repeat the address as it is, characters that nobody sees too."""
        del opts
        return self.absent(request, object_id)

    def page_of(self, key: object) -> HttpResponse:
        """Where a page that was answered to a POST leads when it is loaded again."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[key]))

    def absent(self, request: HttpRequest, key: str) -> HttpResponse:
        """There is nothing with this key: say so, and show what there is."""
        messages.warning(request, f"There is no {self.opts.verbose_name} {visible(key)[:100]}.")
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(name))


class PageAdmin(ConsoleAdmin):
    """A model whose rows are shown on a page of our own instead of in Django's form."""

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """GET /admin/:app/:model/:id/change/"""
        del form_url, extra_context
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return self.absent(request, object_id) if row is None else self.show(request, row)

    def show(self, request: HttpRequest, row: Any, /) -> HttpResponse:
        """The page of one row, for somebody who may see it."""
        raise NotImplementedError


class LogAdmin(ConsoleAdmin):
    """A model that is seen by whoever may read the log, as over the API."""

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        del obj
        return request.user.has_perm(READ_LOG)


class ReadOnlyAdmin(ConsoleAdmin):
    """A model that is looked at here and never written."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        del request, obj
        return False


class TimeFilter(admin.DateFieldListFilter):
    """By the time of a row, whatever its column is called."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = "time"


class TraceAdmin(PageAdmin, ReadOnlyAdmin):
    """A record that belongs to a trace. A product that knows whose trace it is says so here."""

    def trace_link(self, trace_id: str) -> str:
        """A link to what the record belongs to: as far as is known here, to its events."""
        return self.events_link(trace_id, short(trace_id)) if trace_id else "-"

    def know_traces(self, rows: Sequence[Any]) -> None:
        """Look up, in one query, what the traces of these rows belong to."""

    def events_link(self, trace_id: str, words: str) -> str:
        """A link to all events of a trace."""
        log = reverse("admin:governance_auditevent_changelist", query={"q": trace_id})
        return format_html('<a href="{}">{}</a>', log, words)


def whole_text(text: str) -> HttpResponse:
    """All of a text that a page shows the beginning of: as text, every character visible."""
    answer = HttpResponse(visible(text), content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


class Words(forms.CharField):
    """Text of several lines, with the line ends that the API gets."""

    def __init__(self, *, rows: int = 3, **options: Any) -> None:
        options.setdefault("max_length", REASON_CHARS)
        super().__init__(widget=forms.Textarea(attrs={"rows": rows, "class": "wide"}), **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


def focus_on_error(form: forms.Form) -> forms.Form:
    """Make the browser show the first field that has a complaint, without a script."""
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["autofocus"] = True
            break
    return form


class DecisionForm(forms.Form):
    """Yes or no to one request. A refusal needs its reason: it is what the agent goes on with."""

    decision = forms.ChoiceField(choices=[("approve", "Approve"), ("deny", "Deny")])
    reason = Words(
        required=False, help_text="Needed to deny: whoever asked is told, and goes on from it."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("decision") == "deny" and not data.get("reason") and not self.errors:
            self.add_error("reason", "Say why: the agent is told so and goes on from it.")
        return data

    @property
    def refusal(self) -> DecisionForm:
        """The same form under the other button: what was typed stands where it was typed."""
        typed = self.data if self.is_bound and self.data.get("decision") == "deny" else None
        return self._half(typed, "deny")

    @property
    def consent(self) -> DecisionForm:
        """The same under the button that says yes."""
        typed = self.data if self.is_bound and self.data.get("decision") != "deny" else None
        form = self._half(typed, "approve")
        form.fields["reason"].label, form.fields["reason"].help_text = "Note", "Goes into the log."
        return form

    def _half(self, typed: Any, side: str) -> DecisionForm:
        kept = self.initial if self.initial.get("decision") == side else None
        form = type(self)(typed, auto_id=f"{side}_%s", initial=kept)
        if kept:
            form.fields["reason"].widget.attrs["autofocus"] = True
        focus_on_error(form)
        return form
