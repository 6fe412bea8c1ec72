"""Marks text from outside as data, so that a model can tell it from instructions.

The mark carries a tag derived from the call that fetched the text: a writer of that text cannot
know the tag in advance, hence cannot close the fence from inside.
"""

from __future__ import annotations

import hashlib
import re

_FENCED = re.compile(
    r"\A<data-(?P<tag>[0-9a-f]{12}) source=\"[^\"]*\">\n(?P<text>.*)\n</data-(?P=tag)>\Z", re.DOTALL
)


def fence(text: str, *, source: str, key: str) -> str:
    """`text` between marks that name its `source`; `key` is secret to whoever wrote the text."""
    tag = hashlib.sha256(f"fence:{key}".encode()).hexdigest()[:12]
    label = re.sub(r"[^\w .:/-]", "_", source)
    return f'<data-{tag} source="{label}">\n{text}\n</data-{tag}>'


def unfence(text: str) -> str:
    """The text inside a fence, or `text` itself when it is not fenced."""
    match = _FENCED.match(text)
    return match["text"] if match else text
