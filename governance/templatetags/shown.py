"""How text from outside (people, models, tools) is shown: nothing hidden, nothing that acts.

Templates escape HTML by themselves; these filters show what escaping leaves unseen, such as the
bidirectional overrides with which a path can be made to read as another one.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any, Final

from django import template
from django.utils.timesince import timesince, timeuntil
from django.utils.timezone import now

from aura.kernel import unseen

register = template.Library()

visible = register.filter(unseen.visible)

MOMENTS: Final = "less than a minute"
_END_OF_SENTENCE: Final = re.compile(r"(?<=[.?!])\s+")


@register.filter
def pretty(value: Any) -> str:
    """JSON over several lines, every character visible."""
    return visible(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))


@register.filter
def long_texts(value: Any) -> list[tuple[str, str]]:
    """(name, text) of each text of several lines in a JSON object, e.g. the content of a file."""
    pairs = value.items() if isinstance(value, dict) else ()
    return [(name, text) for name, text in pairs if isinstance(text, str) and "\n" in text]


@register.filter
def steps(value: Any) -> list[dict[str, Any]]:
    """The steps of a plan as somebody else wrote it: what is none is left out."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


@register.filter
def texts(value: Any) -> list[str]:
    """The texts of a list that somebody else wrote."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


@register.filter
def short(value: Any) -> str:
    """The first eight characters of an identifier, to call it by."""
    return visible(value)[:8]


@register.filter
def paragraphs(value: str) -> tuple[str, str]:
    """The first paragraph of a text, and the others."""
    first, _, rest = value.partition("\n\n")
    return first, rest


@register.filter
def sentences(value: str) -> tuple[str, str]:
    """The first sentence of a text, which is what a headline has room for, and the others."""
    first, *rest = _END_OF_SENTENCE.split(value, maxsplit=1)
    return first, "".join(rest)


@register.filter
def passed(since: datetime) -> str:
    """How long ago, e.g. `2 hours`; moments are no "0 minutes"."""
    return MOMENTS if now() - since < timedelta(minutes=1) else timesince(since)


@register.filter
def remaining(until: datetime) -> str:
    """How long until then, as `passed` says it."""
    return MOMENTS if until - now() < timedelta(minutes=1) else timeuntil(until)
