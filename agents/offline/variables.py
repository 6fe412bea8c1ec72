"""Environment variables and ConfigMap keys of an application that exists."""

from __future__ import annotations

from functools import partial

from agents.offline import workloads
from agents.offline.book import Book
from agents.offline.intent import Intent, Slot
from agents.offline.kustomize import Variant
from agents.offline.outcome import Topic, ask
from agents.offline.patching import Container
from agents.offline.targets import Target, container, governed, place
from agents.offline.workloads import Object, Setting, Spot, dig

_NOWHERE = Spot("", 0, (), None)


def set_variables(book: Book, target: Target, intent: Intent) -> None:
    """Each where it is set today, in a ConfigMap or in the container; else a new variable."""
    box = Container(book, target, container(target, intent))
    if intent.in_configmap and not _has_settings(box):
        book.warn(f"{target.name} has no ConfigMap: the value is set as an environment variable.")
    for name, value in intent.env:
        if not _in_configmap(box, intent, name, value):
            _set(box, intent, name, value)
    for name in intent.unset:
        _unset(box, intent, name)


def _has_settings(box: Container) -> bool:
    target = box.target
    settings = [s for v in target.every for s in _settings(box, v)]
    return bool(settings or workloads.of_kind(target.found, "ConfigMap"))


def _settings(box: Container, variant: Variant) -> list[Setting]:
    return list(workloads.settings(box.book.fresh(), box.target.found, variant))


def _in_configmap(box: Container, intent: Intent, name: str, value: str) -> bool:
    """True when `name` was set as a key of a ConfigMap; a variable of the container goes before."""
    places = _keys(box, intent, name)
    if not places:
        return _added_key(box, intent, name, value)
    if len(places) > 1 and not intent.environments:
        labels = [variant.label for variant in box.target.every]
        text = f"{name} has a value of its own in several."
        raise ask(Topic.ENVIRONMENT, text, *labels, "all")
    for setting in places:
        new = f"{name}={value}" if setting.literal else value
        if setting.spot.value != new:
            note = f"set {name} to {value!r} in the ConfigMap {setting.configmap}"
            _write(box, setting.spot, new, note)
            box.book.say(f"{name}={value} in the ConfigMap {setting.configmap}{box.target.where}")
    return True


def _keys(box: Container, intent: Intent, name: str) -> list[Setting]:
    """The keys that govern `name` for the chosen variants and for no other one."""
    target = box.target
    used = workloads.from_configmaps(box.item, box.index)
    own = workloads.variables(box.book.fresh(), box.item, box.index, target.chosen[0], name)
    if own is not None and not intent.in_configmap:
        return []

    def governing(variant: Variant) -> dict[object, Setting]:
        fitting = [s for s in _settings(box, variant) if s.key == name]
        return {place(s.spot): s for s in fitting if intent.in_configmap or s.configmap in used}

    chosen = {at: s for variant in target.chosen for at, s in governing(variant).items()}
    others = {at for v in target.every if v not in target.chosen for at in governing(v)}
    return [] if set(chosen) & others else list(chosen.values())


def _added_key(box: Container, intent: Intent, name: str, value: str) -> bool:
    """A new key, where the ticket says "ConfigMap" and there is just one that is meant."""
    used = workloads.from_configmaps(box.item, box.index)
    maps: list[Object] = workloads.of_kind(box.target.found, "ConfigMap")
    maps = [m for m in maps if not used or m.name in used]
    if not intent.in_configmap or len(maps) != 1 or box.target.partial:
        return False
    spot = Spot(maps[0].path, maps[0].index, ("data", name), None)
    _write(box, spot, value, f"add {name}={value} to the ConfigMap {maps[0].name}")
    box.book.say(f"{name}={value} in the ConfigMap {maps[0].name}")
    return True


def _write(box: Container, spot: Spot, value: str, note: str) -> None:
    box.book.assign(spot, value, note)
    if spot.at[0] == "data":
        box.book.warn("Pods read a changed ConfigMap only when they restart.")


def _variable(box: Container, name: str, absent: Spot, variant: Variant) -> Spot:
    """The item `{name, value}` that governs a variable for a variant, or `absent`."""
    return workloads.variables(box.book.fresh(), box.item, box.index, variant, name) or absent


def _set(box: Container, intent: Intent, name: str, value: str) -> None:
    listed = box.base("env")
    absent = Spot(listed.path, listed.index, listed.at, None)
    for variant, spot, shared in governed(
        box.target, intent, partial(_variable, box, name, absent)
    ):
        if dig(spot.value, "value") == value:
            continue
        if dig(spot.value, "valueFrom") is not None:
            raise _from_elsewhere(name)
        note = f"set {name} to {value!r}"
        if shared:
            box.override(variant, ("env",), {"name": name, "value": value}, note)
        elif spot == absent:
            box.book.append(absent, {"name": name, "value": value}, note)
        else:
            at = (*spot.at, "value")
            box.book.assign(Spot(spot.path, spot.index, at, None), value, note)
        box.book.say(f"{name}={value}{box.target.where}")


def _from_elsewhere(name: str) -> Exception:
    return ask(
        Topic.VALUE,
        f"{name} is read from a Secret or a ConfigMap, the manifest holds no value of it: it must"
        " be changed where it is kept. Leave it out here?",
        "leave it out",
        "give up",
        slot=Slot.ENV,
    )


def _unset(box: Container, intent: Intent, name: str) -> None:
    for variant, spot, shared in governed(
        box.target, intent, partial(_variable, box, name, _NOWHERE)
    ):
        if spot == _NOWHERE:
            continue
        if shared:
            raise workloads.Opaque(f"{name} is set for every environment, not for {variant.label}")
        box.book.remove(spot, f"remove {name}")
        box.book.say(f"no {name} any more{box.target.where}")
