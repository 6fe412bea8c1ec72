"""Quantities of Kubernetes: `500m`, `1Gi`."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

_QUANTITY = re.compile(
    r"[+-]?(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3}|)"
)
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}  # fmt: skip  # a table


def quantity(value: Any) -> Decimal | None:
    """The number a Kubernetes quantity such as `500m` or `1Gi` means; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if not match:
        return None
    suffix = match["suffix"]
    try:
        factor = _FACTORS[suffix] if suffix in _FACTORS else Decimal(f"1{suffix}")
        return Decimal(match["number"]) * factor * (-1 if str(value).startswith("-") else 1)
    except InvalidOperation:
        return None
