"""Reads the numbers of a text: resources, replicas, ports."""

from __future__ import annotations

import re
from functools import partial

from agents.offline import values
from agents.offline.intent import Slot
from agents.offline.scanning import FROM, OF, TO, Scan

_ANY = rf"(?:\d{{1,9}}|{'|'.join(values.NUMBERS)})"
_N = rf"(?<![\w.-])(?P<n>{_ANY})\b(?!\.\d)"
_UNITS = r"(?:replicas?|instances?|pods?|copies|copy|nodes?|members?)"
_MEMORY = r"(?P<n>\d+(?:\.\d+)?\s?[KMGT]i?B?)\b"
_CPU = r"(?P<n>\d+m|\d+(?:\.\d+)?)\b"
_CLAUSE = r"(?:(?!\.\s)[^;\n]){0,150}?"


def resources(found: Scan) -> None:
    """`memory limit of 512Mi`, `250m cpu`, `limit memory to 1Gi`: requests, limits, or both."""
    for kind, unit, words in (
        ("memory", _MEMORY, "memory|ram|mem"),
        ("cpu", _CPU, "v?cpus?|cores?"),
    ):
        value = rf"{OF}{TO}{FROM}{unit}"
        for pattern in (
            rf"\b(?:{words})\s+(?P<side>limit|request)s?{value}",
            rf"\b(?P<side>limit|request)s?\s+(?:the\s+|its\s+)?(?:{words}){value}",
            rf"(?<![\w.]){unit}\s*(?:of\s+)?(?:{words})\b(?:\s+(?P<side>limit|request)s?)?",
            rf"\b(?P<side>)(?:{words})(?:\s+usage)?{value}",
        ):
            found.take_all(pattern, partial(_resource, found, kind))


def _resource(found: Scan, kind: str, match: re.Match[str]) -> None:
    quantity = (values.memory if kind == "memory" else values.cpu)(match["n"])
    if quantity is None:
        found.wrong(Slot.RESOURCES, f"{values.shown(match['n'])!r} is no amount of {kind}")
        return
    side = (match["side"] or "").lower()
    sides = [f"{side}s"] if side else ["requests", "limits"]
    pairs = dict(found.values.get("resources", ())) | {f"{s}.{kind}": quantity for s in sides}
    found.values["resources"] = tuple(pairs.items())


_COUNTED = (
    rf"(?:\b(?:to|with|of|at least|exactly)\s+)?{_N}[\s-]*(?:x\s+)?"
    rf"(?:(?:total|running|identical)\s+)?{_UNITS}\b"
)
_STATED = rf"\b(?:number of\s+)?{_UNITS}{OF}{TO}{_N}"
_NEGATIVE = rf"(?:\b(?:to|with)\s+|{_UNITS}\s*[:=]?\s*)-\d+(?:\s+{_UNITS})?\b"


def replicas(found: Scan) -> None:
    """`3 replicas`, `three-node`, `from 2 to 5`, `scale … to 1`, and relative ones."""
    if found.take(rf"\bbetween\s+{_ANY}\s+(?:and|to)\s+{_ANY}(?:\s+{_UNITS})?"):
        found.unmet.append("autoscaling")
    if _relative(found) or _targeted(found):
        return
    for pattern in (_COUNTED, _STATED):
        found.take_all(pattern, lambda match: _count(found, match["n"]))
    if found.take(_NEGATIVE):
        found.wrong(Slot.REPLICAS, "a negative number of replicas makes no sense")


_BETWEEN = rf"from\s+{_ANY}\s+(?:{_UNITS}\s+)?to\s+{_N}"
_UNITS_BETWEEN = rf"\b{_UNITS}{OF}\s+{_BETWEEN}(?:\s+{_UNITS})?\b"
_BETWEEN_UNITS = rf"\b{_BETWEEN}\s+{_UNITS}\b"
_SCALE_TO = (
    rf"(?P<keep>\b(?:scal(?:e|ing)|resize)\b{_CLAUSE})"
    rf"(?:(?<=\s)(?:from\s+)?{_ANY}\s+(?:{_UNITS}\s+)?)?\bto\s+{_N}(?!\s*(?:%|[KMG]i?B?\b))"
    rf"(?:\s+{_UNITS})?"
)
_RESIZES = r"(?:increase|decrease|raise|reduce|lower|grow|shrink)"


def _targeted(found: Scan) -> bool:
    """A change names where it comes from and goes to: other counts in the text are history."""
    names = "|".join(map(re.escape, sorted(found.known, key=len, reverse=True))) or r"(?!)"
    resize_to = rf"(?P<keep>\b{_RESIZES}\s+(?:the\s+)?(?:{names})\s+)(?:from\s+{_ANY}\s+)?to\s+{_N}"
    for pattern in (_UNITS_BETWEEN, _BETWEEN_UNITS, _SCALE_TO, resize_to):
        match = found.take(pattern)
        if match:
            _count(found, match["n"])
            return True
    return False


def _relative(found: Scan) -> bool:
    for sign, pattern in (
        (1, rf"\b(?P<keep>add)\s+{_N}\s+(?:more\s+|additional\s+|extra\s+)?{_UNITS}\b"),
        (1, rf"{_N}\s+(?:more|additional|extra)\s+{_UNITS}\b"),
        (-1, rf"{_N}\s+(?:fewer|less)\s+{_UNITS}\b"),
        (-1, rf"(?P<keep>\b(?:remove|drop|take away))\s+{_N}\s+{_UNITS}\b"),
        (0, rf"\bby\s+{_N}(?:\s+(?:more\s+)?{_UNITS})?(?=\s*(?:$|[.,\n|]))"),
    ):
        lowers = re.search(r"\b(?:down|reduce|decrease|lower|shrink)\b", found.rest, re.IGNORECASE)
        match = found.take(pattern)
        if match:
            found.values["by"] = (values.number(match["n"]) or 0) * (sign or (-1 if lowers else 1))
            return True
    return False


def _count(found: Scan, text: str) -> None:
    count = values.number(text)
    if count is None or count > values.MAX_REPLICAS:
        why = f"{values.shown(text)} replicas are more than {values.MAX_REPLICAS}"
        found.wrong(Slot.REPLICAS, why)
    else:
        found.say(Slot.REPLICAS, count)


_PORT = (
    rf"\b(?:container ?)?ports?\b{OF}(?:\s+number)?{TO}(?:from\s+\d+\s+to\s+)?"
    r"(?<![\w.])(?P<n>-?\d+)\b(?!\.\d)(?:\s*(?:,|and|&|/)\s*(?P<more>\d{2,5})\b(?!\.\d))?"
)
_LISTENS = (
    r"\b(?:on|at|listen(?:s|ing)? (?:on|to)|via)\s+:?(?P<n>\d{2,6})\b"
    r"(?!\.\d|\s*%|\s*[KMG]i?B?\b)"
)


def ports(found: Scan) -> None:
    """`port 8080`, `:8080`, `on 8080`, `8080/tcp`."""
    for pattern in (
        _PORT,
        r"(?<![\w.])(?P<n>\d{2,6})/tcp\b",
        _LISTENS,
        r"(?<![\w.\]]):(?P<n>\d{2,6})\b",
    ):
        found.take_all(pattern, lambda match: _port(found, match))


def _port(found: Scan, match: re.Match[str]) -> None:
    for text in filter(None, (match["n"], match.groupdict().get("more"))):
        port = int(text[:9])
        if values.is_port(port):
            found.say(Slot.PORT, port)
        else:
            found.wrong(Slot.PORT, f"{values.shown(text)} is no port: ports go from 1 to 65535")
