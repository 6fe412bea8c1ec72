"""What exactly a change is about: which workload, which container, which variants, which place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from agents.manifests import yamltext
from agents.offline import kustomize, workloads
from agents.offline.intent import Intent
from agents.offline.kustomize import Variant
from agents.offline.layout import Application
from agents.offline.outcome import Topic, ask
from agents.offline.workloads import ImageSpot, Object, Spot

S = TypeVar("S", Spot, ImageSpot)


@dataclass(frozen=True, slots=True)
class Target:
    """An application to change: its objects, its main workload, and the variants that are meant."""

    application: Application
    found: list[Object]
    workload: Object
    chosen: list[Variant]
    every: list[Variant]

    @property
    def name(self) -> str:
        """The name of the application."""
        return self.application.name

    @property
    def partial(self) -> bool:
        """True when only some of several variants are meant."""
        return len(self.chosen) < len(self.every)

    @property
    def where(self) -> str:
        """The environments for a sentence, "" when all are meant."""
        labels = [variant.label for variant in self.chosen if variant.label]
        return f" in {' and '.join(labels)}" if self.partial and labels else ""


def choose(every: list[Variant], intent: Intent) -> list[Variant]:
    """The variants that a ticket means: all where it names none. Asks where none fits."""
    unlabelled = len(every) == 1 and not every[0].label
    if not intent.environments or "all" in intent.environments or unlabelled:
        return every
    for wanted in intent.environments:
        if not any(kustomize.matches(v.label, wanted) for v in every):
            labels = [v.label for v in every]
            there = ", ".join(labels)
            raise ask(Topic.ENVIRONMENT, f"{wanted} is not among: {there}.", *labels, "all")
    return [v for v in every if any(kustomize.matches(v.label, e) for e in intent.environments)]


def container(target: Target, intent: Intent) -> int:
    """The index of the container that is meant; asks where that cannot be told."""
    index = workloads.container_index(target.workload, intent.container, target.name)
    if index is None:
        names = [str(c["name"]) for c in workloads.containers(target.workload)]
        text = f"{target.workload.name} has these: {', '.join(names) or 'none with a name'}."
        raise ask(Topic.CONTAINER, text, *names)
    return index


def governed(
    target: Target, intent: Intent, find: Callable[[Variant], S]
) -> list[tuple[Variant, S, bool]]:
    """Where a value stands for the chosen variants, each place once.

    The flag says that a variant which is not meant is governed by the same place. Asks for the
    environment where the places differ and the ticket names none.
    """
    spots = {variant: find(variant) for variant in target.every}
    places = {place(spots[v]): (v, spots[v]) for v in reversed(target.chosen)}
    if len(places) > 1 and not intent.environments:
        labels = [variant.label for variant in target.every]
        text = f"{target.name} has a value of its own in each of {', '.join(labels)}."
        raise ask(Topic.ENVIRONMENT, text, *labels, "all")
    others = {place(spots[v]) for v in target.every if v not in target.chosen}
    if set(places) & others:
        return [(v, spots[v], place(spots[v]) in others) for v in target.chosen]
    return [(v, spot, False) for v, spot in reversed(places.values())]


def place(found: Spot | ImageSpot) -> tuple[str, int, yamltext.Path]:
    """What makes two spots the same one."""
    spot = found.spot if isinstance(found, ImageSpot) else found
    return spot.path, spot.index, spot.at


def own_kustomization(target: Target, variant: Variant) -> str:
    """Where a value is overridden for one variant alone. Raises `Opaque`."""
    path = kustomize.own_of(variant, target.every)
    if path is None:
        raise workloads.Opaque(f"{variant.label} has no kustomization of its own to override it in")
    return path
