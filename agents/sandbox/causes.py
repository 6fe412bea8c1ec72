"""How the API server words what is wrong with a field, and what it takes for a label."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agents.sandbox.errors import Cause

LABEL_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
LABEL = re.compile(LABEL_FORM)
LABEL_SAID = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for"
    f" validation is '{LABEL_FORM}')"
)

Causes = Iterator[Cause]


def invalid(path: str, value: Any, why: str) -> Cause:
    return Cause(field=path, message=f"Invalid value: {json.dumps(value)}: {why}")


def required(path: str, why: str = "") -> Cause:
    text = f"Required value: {why}" if why else "Required value"
    return Cause(field=path, message=text, reason="FieldValueRequired")


def duplicate(path: str, value: Any) -> Cause:
    text = f"Duplicate value: {json.dumps(value)}"
    return Cause(field=path, message=text, reason="FieldValueDuplicate")


def unsupported(path: str, value: Any, known: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{each}"' for each in known)
    text = f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    return Cause(field=path, message=text, reason="FieldValueNotSupported")
