"""Requests and limits of an application that exists."""

from __future__ import annotations

from functools import partial

from agents.offline.book import Book
from agents.offline.intent import Intent, Slot
from agents.offline.kustomize import Variant
from agents.offline.outcome import Topic, ask
from agents.offline.patching import Container
from agents.offline.targets import Target, container, governed
from agents.offline.values import amount
from agents.offline.workloads import Spot, dig


def limit(book: Book, target: Target, intent: Intent) -> None:
    """Requests and limits of the container, where they are governed."""
    box = Container(book, target, container(target, intent))
    for key, value in intent.resources:
        side, _, kind = key.partition(".")
        places = governed(target, intent, partial(_spot, box, side, kind))
        for variant, spot, shared in places:
            if spot.value is not None and str(spot.value) == value:
                continue
            what = f"{kind} {side.removesuffix('s')}"
            note = f"set the {what} to {value}"
            if shared:
                box.override(variant, ("resources", side, kind), value, note)
            else:
                book.assign(spot, value, note)
            book.say(f"{what} {value}{target.where}")
    for variant in target.chosen:
        for kind in ("cpu", "memory"):
            _check(box, variant, kind)


def _spot(box: Container, side: str, kind: str, variant: Variant) -> Spot:
    return box.spot(variant, "resources", side, kind)


def _check(box: Container, variant: Variant, kind: str) -> None:
    """Kubernetes refuses a request above its limit, hence it is asked about and not written."""
    found = []
    for side in ("requests", "limits"):
        spot = _spot(box, side, kind, variant)
        # What was assigned just now stands in the text, not in the objects read before.
        value = dig(box.book.fresh().documents(spot.path), spot.index, *spot.at)
        found.append("" if value is None else str(value))
    request, most = found
    low, high = amount(request), amount(most)
    if low is not None and high is not None and low > high:
        text = f"The {kind} request {request} would be above the limit {most}. State both."
        raise ask(Topic.VALUE, text, slot=Slot.RESOURCES)
