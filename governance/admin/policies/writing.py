"""A new document: typed, pasted or sent as a file; checked, shown next to what counts, and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from governance.admin.base import Words, focus_on_error
from governance.admin.policies import reading
from governance.identity import principal
from governance.models import PolicyVersion
from governance.policy import activation, current
from governance.templatetags.shown import visible

MOST_CHARS: Final = 256 * 1024
TYPED: Final = "typed in the console"


class NewForm(forms.Form):
    """The document as text or as a file, and what it is called in lists and complaints."""

    text = Words(
        label="Document (YAML)", required=False, rows=24, max_length=MOST_CHARS, strip=False
    )
    file = forms.FileField(required=False, label="or a file", help_text="Read instead of the text.")
    source = forms.CharField(
        required=False,
        max_length=200,
        label="Called",
        help_text="E.g. the name of its file. Left out: the file's own name.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        sent = data.get("file")
        if sent is not None:
            data["text"] = self._read(sent)
        elif not data.get("text", "").strip() and not self.errors:
            self.add_error("text", "Paste a document, or choose a file.")
        data["source"] = data.get("source") or (sent.name if sent is not None else TYPED)
        return data

    def _read(self, sent: Any) -> str:
        """The file's text; it takes the place of what was typed, on the page that comes back."""
        if sent.size > MOST_CHARS:
            self.add_error("file", f"It is longer than {MOST_CHARS} bytes.")
            return ""
        try:
            text = str(sent.read().decode("utf-8-sig")).replace("\r\n", "\n")
        except UnicodeDecodeError:
            self.add_error("file", "It is no text in UTF-8.")
            return ""
        self.data = {**self.data.dict(), "text": text}  # type: ignore[attr-defined] # a QueryDict
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`kept`: the version that was made or found; without it, `context` is of the page to show."""

    kept: PolicyVersion | None = None
    context: dict[str, Any] = field(default_factory=dict)


def new(request: HttpRequest, base: PolicyVersion | None) -> Answer:
    """The form; with `do=check` it comes back with what was found, with `do=keep` it is kept.

    The text begins with that of `base`, else with what is in force. The caller has seen to it that
    the person may.
    """
    if request.method != "POST":
        text = base.text if base else current.text()
        return Answer(context={"form": NewForm(initial={"text": text})})
    form = NewForm(request.POST, request.FILES)
    if not form.is_valid():
        return Answer(context={"form": focus_on_error(form)})
    text, source = form.cleaned_data["text"], form.cleaned_data["source"]
    found = reading.look(text, source)
    if found.document is None or request.POST.get("do") != "keep":
        context: dict[str, Any] = {"form": form, "reading": reading.reading(text, found)}
        if found.document is not None:
            context["compared"] = reading.against(found.document, text)
        return Answer(context=context)
    return Answer(kept=_keep(request, text, source, found.document.digest()))


def _keep(request: HttpRequest, text: str, source: str, digest: str) -> PolicyVersion:
    known = PolicyVersion.objects.filter(digest=digest).first()
    version = activation.keep(text, source=source, by=principal(request.user))
    if known:
        messages.info(request, f"It says the same as {visible(known)}, which is kept already.")
    else:
        messages.success(request, "It is kept, and decides nothing yet: read what it changes.")
    return version
