"""Objects as they may be shown: no values of Secrets, no credentials, no bookkeeping."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any, Final

from agents.kubernetes.kinds import Object
from aura.kernel.secrets import redact_value

# A copy of the object as somebody applied it, credentials included.
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
MAX_TEXT: Final = 4000  # characters of one value
_SECRET: Final = "Secret"  # noqa: S105 - a kind


def shown(obj: Object) -> Object:
    """An object of the API, to be shown to anybody who may ask for it."""
    clean = {key: value for key, value in obj.items() if key != "metadata"}
    clean["metadata"] = _metadata(obj.get("metadata"))
    if obj.get("kind") == _SECRET:
        for field in ("data", "stringData"):
            if field in clean:
                clean[field] = _sizes(clean[field], encoded=field == "data")
    ordered = {key: clean[key] for key in (*obj, "metadata") if key in clean}
    answer: Object = _cut(redact_value(ordered))
    return answer


def notes_of(obj: Object) -> dict[str, str]:
    """The annotations that people wrote, without credentials."""
    found = _metadata(obj.get("metadata")).get("annotations") or {}
    clean: dict[str, str] = redact_value(found)
    return clean


def environment(container: Object) -> list[tuple[str, str]]:
    """Variables of a container: name, and its value or where that comes from."""
    return [
        (str(variable.get("name")), _value(variable))
        for variable in redact_value(container.get("env") or [])
    ]


def _value(variable: Object) -> str:
    source = variable.get("valueFrom")
    if not isinstance(source, dict):
        return str(variable.get("value") or "")
    for key, words in (("secretKeyRef", "secret"), ("configMapKeyRef", "config map")):
        if isinstance(ref := source.get(key), dict):
            return f"<key {ref.get('key')} of {words} {ref.get('name')}>"
    if isinstance(ref := source.get("fieldRef"), dict):
        return f"<field {ref.get('fieldPath')}>"
    return f"<{', '.join(source)}>"


def _metadata(metadata: object) -> dict[str, Any]:
    said = dict(metadata) if isinstance(metadata, dict) else {}
    said.pop("managedFields", None)
    if isinstance(said.get("annotations"), dict):
        kept = {key: v for key, v in said["annotations"].items() if key != LAST_APPLIED}
        said["annotations"] = kept
        if not kept:
            del said["annotations"]
    return said


def _sizes(values: object, *, encoded: bool) -> dict[str, str]:
    """The keys of a Secret, each with the size of its value."""
    if not isinstance(values, dict):
        return {}
    return {str(key): f"<{_size(value, encoded=encoded)} bytes>" for key, value in values.items()}


def _size(value: object, *, encoded: bool) -> int:
    text = str(value or "")
    try:
        return len(b64decode(text)) if encoded else len(text.encode())
    except (binascii.Error, ValueError):
        return len(text)


def _cut(value: Any) -> Any:
    """Long texts, such as a file in a ConfigMap, end early and say so."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}… [{len(value) - MAX_TEXT} more characters]"
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value
