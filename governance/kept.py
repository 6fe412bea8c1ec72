"""What was typed when a session had ended: kept over the login, and shown again in its form.

Nothing is sent again by itself: a person reads what the page shows now, and presses the button.
Over the login it stays in the browser, as a hidden field of the login form; then in the session,
until the page is shown. Passwords, values of Secrets and decisions are not kept, but texts alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.http import HttpRequest

FIELD: Final = "kept"  # of the login form; and of the session
TEXTS: Final = ("title", "description", "reason", "answer", "finding", "text")
MOST_CHARS: Final = 100_000
SIDE: Final = "decision"  # which of the two forms of a decision it was typed into


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`path` is where the form is sent to."""

    path: str
    texts: Mapping[str, str]
    side: str

    def as_json(self) -> str:
        return json.dumps({"path": self.path, "texts": self.texts, "side": self.side})


def of_form(request: HttpRequest) -> Kept | None:
    """The texts of a form that was sent (POST); None where nobody typed any."""
    texts = {name: request.POST.get(name, "")[:MOST_CHARS] for name in TEXTS}
    typed = {name: text for name, text in texts.items() if text.strip()}
    side = request.POST.get(SIDE, "")[:16]
    return Kept(path=request.path, texts=typed, side=side) if typed else None


def keep(request: HttpRequest, kept: Kept | None) -> None:
    """In the session of somebody who is logged in."""
    if kept is not None:
        request.session[FIELD] = kept.as_json()


def keep_over_login(request: HttpRequest) -> None:
    """What the login form brought along; the browser may have made anything of it."""
    keep(request, _read(request.POST.get(FIELD, "")))


def shown(request: HttpRequest) -> Kept | None:
    """What this page shows again: the first one that a person, not a script of a page, opens."""
    found: Kept | None = getattr(request, "_kept", None)
    by_person = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    if found is None and request.method == "GET" and by_person:
        found = _read(request.session.pop(FIELD, "")) if FIELD in request.session else None
        request._kept = found  # type: ignore[attr-defined] # noqa: SLF001 - of this request
    return found


def fill(request: HttpRequest, path: str, form: forms.Form) -> None:
    """Put the texts back into the form that is sent to `path`, if they were typed there."""
    kept = shown(request)
    if kept is None or kept.path != path or form.is_bound:
        return
    names = [name for name in kept.texts if name in form.fields]
    form.initial = {**form.initial, SIDE: kept.side, **{name: kept.texts[name] for name in names}}
    for name in names[:1]:
        form.fields[name].widget.attrs["autofocus"] = True


def _read(said: str) -> Kept | None:
    try:
        found: Any = json.loads(said)
        texts = {name: str(found["texts"][name])[:MOST_CHARS] for name in found["texts"]}
        known = {name: text for name, text in texts.items() if name in TEXTS}
        return Kept(path=str(found["path"]), texts=known, side=str(found["side"])[:16])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
