"""Kubernetes quantities: `250m`, `64Mi`, `1e3`."""

from __future__ import annotations

import re
from typing import Any

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(m|n|u|k|[KMGTPE]i?|[eE][+-]?\d+)?")
_DECIMAL = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}
_DECIMAL |= {letter: 1000.0 ** (i + 2) for i, letter in enumerate("MGTPE")}
_BINARY = {f"{letter}i": 1024.0 ** (i + 1) for i, letter in enumerate("KMGTPE")}


def parse(value: Any) -> float:
    """The amount in base units (cores, bytes, pieces); ValueError for anything else."""
    found = _FORM.fullmatch(str(value))
    if found is None:
        raise ValueError(
            "quantities must match the regular expression"
            " '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number, unit = float(found[1]), found[2]
    if not unit:
        return number
    if unit[0] in "eE" and len(unit) > 1 and unit[1] != "i":
        return float(number * 10 ** int(unit[1:]))
    return number * (_DECIMAL | _BINARY)[unit]


def amount(value: Any) -> float:
    """Like `parse`, 0 for nothing."""
    return parse(value) if value not in (None, "") else 0.0


def cpu(cores: float) -> str:
    milli = round(cores * 1000)
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def memory(number: float) -> str:
    for unit, size in (("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024)):
        if number and number % size == 0:
            return f"{int(number // size)}{unit}"
    return str(int(number))


def of(resource: str, number: float) -> str:
    """`number` written as the resource is usually written."""
    if resource.endswith("cpu"):
        return cpu(number)
    if resource.endswith(("memory", "storage")):
        return memory(number)
    return str(int(number))
