"""What a commit would change of an application: two sets of manifests, object by object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from agents.argocd.state import Object
from aura.kernel.textdiff import unified

MOST_CHARS: Final = 8_000  # of a diff that a person is shown
HIDDEN: Final = ("data", "stringData")  # of a Secret

Key = tuple[str, str, str, str]


def changes(before: Iterable[Object], after: Iterable[Object], *, prunes: bool) -> list[str]:
    """Lines: a heading for each object that differs, and its diff. Values of Secrets are hidden."""
    old, new = _by_key(before), _by_key(after)
    found: list[str] = []
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            found.extend(_change(key, old.get(key), new.get(key), prunes=prunes))
    return found


def bounded(text: str, most: int = MOST_CHARS) -> str:
    """The beginning of a long text, and how much more there is."""
    if len(text) <= most:
        return text
    kept = text[:most].rpartition("\n")[0] or text[:most]
    return f"{kept}\n… {len(text) - len(kept)} more characters"


def _change(key: Key, old: Object | None, new: Object | None, *, prunes: bool) -> Iterator[str]:
    _, kind, namespace, name = key
    place = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    if new is None:
        yield f"- {place}: {'deleted' if prunes else 'stays, because nothing prunes it'}"
        return
    yield f"{'~' if old else '+'} {place}"
    lines = list(unified(_lines(old), _lines(new)))[2:]
    yield from (f"    {line}" for line in lines if not line.startswith("@@"))


def _by_key(objects: Iterable[Object]) -> dict[Key, Object]:
    return {_key(each): each for each in objects}


def _key(obj: Object) -> Key:
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    namespace, name = str(meta.get("namespace") or ""), str(meta.get("name") or "")
    return group, str(obj.get("kind", "")), namespace, name


def _lines(obj: Object | None) -> list[str]:
    if obj is None:
        return []
    shown: dict[str, Any] = dict(obj)
    if obj.get("kind") == "Secret":
        for part in HIDDEN:
            values = shown.get(part)
            if isinstance(values, Mapping):
                shown[part] = dict.fromkeys(values, "(hidden)")
    return yaml.safe_dump(shown, sort_keys=True, allow_unicode=True).splitlines()
