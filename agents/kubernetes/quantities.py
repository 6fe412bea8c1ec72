"""Amounts as Kubernetes writes them: `100m` CPU, `64Mi` of memory."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

MOST_DIGITS: Final = 40  # no amount has more, and a number of a million takes long to write
_SUFFIX: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def value(quantity: object) -> Decimal | None:
    """Cores, bytes or a count; None for what is no quantity."""
    text = str(quantity if quantity is not None else "").strip()
    digits = text.rstrip("numkKMGTPEi")
    try:
        found = Decimal(digits) * _SUFFIX[text[len(digits) :]]
    except (InvalidOperation, KeyError):
        return None
    return found if found.is_finite() and abs(found.adjusted()) < MOST_DIGITS else None


def total(quantities: Iterable[object]) -> Decimal:
    """The sum of those that are quantities."""
    return sum((it for it in map(value, quantities) if it is not None), Decimal(0))


def cores(amount: Decimal) -> str:
    """`250m`: thousandths of a core, as kubectl top shows them."""
    return f"{int((amount * 1000).to_integral_value(rounding='ROUND_HALF_UP'))}m"


def mebibytes(amount: Decimal) -> str:
    """`64Mi`"""
    return f"{int(amount / 2**20)}Mi"


def percent(amount: Decimal, of: Decimal) -> str:
    """`37%`; `-` of nothing."""
    return f"{int(amount * 100 / of)}%" if of else "-"
