"""Changes of an application that is a Helm chart: its values, in the file that Argo CD reads."""

from __future__ import annotations

from collections.abc import Callable

from agents.manifests import charts
from agents.manifests.charts import Path, dig
from agents.offline.book import Book
from agents.offline.chart import Chart, component, dotted, own_values, values_of, variants
from agents.offline.intent import Intent, Slot
from agents.offline.kustomize import Variant
from agents.offline.layout import Application, Repository, join
from agents.offline.outcome import Topic, ask
from agents.offline.targets import Target, choose, governed
from agents.offline.values import Image, amount, parse_image
from agents.offline.workloads import Object, Opaque, Spot

_OTHERS = {Slot.PORT: "ports", Slot.HOST: "hosts"}


def target(intent: Intent, repository: Repository, application: Application) -> Target:
    """The chart with its variants; raises `Opaque` where its values could not be read."""
    own = own_values(repository, application)
    every = [variant for variant, _ in variants(repository, application, own)]
    values = Object(own, 0, values_of(repository, own))
    return Target(application, [], values, choose(every, intent), every)


def steps(
    book: Book, target: Target, intent: Intent, wanted: Callable[[Image], Image]
) -> list[tuple[Slot, Callable[[], None]]]:
    """What can be changed of a chart, by what the ticket asks for."""
    application, own = target.application, target.workload.path
    found = variants(book.repository, application, own)
    sources = {variant.label: source for variant, source in found if source}
    chart = Chart(book, target, sources, component(book.repository, target, intent))
    if target.every[0].chain == (own,) and not sources:
        book.warn("No Argo CD application in the repository names this chart: its defaults change.")

    def refuse(what: str) -> Callable[[], None]:
        def refused() -> None:
            raise Opaque(f"{what} have no usual name among the values of a chart")

        return refused

    return [
        (Slot.IMAGE, lambda: _release(chart, intent, wanted)),
        (Slot.REPLICAS, lambda: _scale(chart, intent)),
        (Slot.ENV, lambda: _variables(chart, intent)),
        (Slot.RESOURCES, lambda: _limit(chart, intent)),
        *((slot, refuse(what)) for slot, what in _OTHERS.items()),
    ]


# --- image ----------------------------------------------------------------------------------------


def _release(chart: Chart, intent: Intent, wanted: Callable[[Image], Image]) -> None:
    for variant, spot, shared in governed(chart.target, intent, _image_place(chart)):
        current = _image(chart, variant)
        new = wanted(current)
        if new == current:
            continue
        note = f"change the image from {current} to {new}"
        for way, value in _image_values(chart, variant, current, new).items():
            where = chart.spot(variant, *way)
            place = where if where.value is not None else Spot(spot.path, 0, where.at, None)
            chart.write(variant, place, value, note, shared=shared)
        chart.book.say(f"image {current} to {new}{chart.target.where}")
        if new.repository != current.repository:
            chart.book.warn(f"{new.repository} is another repository than {current.repository}.")


def _image_place(chart: Chart) -> Callable[[Variant], Spot]:
    """The tag governs; a chart that writes the image as one text has no tag of its own."""

    def find(variant: Variant) -> Spot:
        whole = chart.spot(variant, charts.IMAGE)
        return whole if isinstance(whole.value, str) else chart.spot(variant, charts.IMAGE, "tag")

    return find


def _said(chart: Chart, variant: Variant, key: str) -> str:
    value = chart.spot(variant, charts.IMAGE, key).value
    return "" if value is None else str(value)


def _image(chart: Chart, variant: Variant) -> Image:
    """The image in force; without tag and digest a chart takes its `appVersion`."""
    whole = chart.spot(variant, charts.IMAGE).value
    if isinstance(whole, str):
        text = whole
    else:
        name = _said(chart, variant, "repository") or _said(chart, variant, "name")
        registry, tag = _said(chart, variant, "registry"), _said(chart, variant, "tag")
        digest = _said(chart, variant, "digest")
        text = f"{registry}/{name}" if registry else name
        text += (
            f":{tag or _app_version(chart)}" if tag or (_app_version(chart) and not digest) else ""
        )
        text += f"@{digest}" if digest else ""
    parsed = parse_image(text)
    if parsed is None:
        raise Opaque(f"the image in the values of {chart.target.name} is no plain reference")
    return parsed


def _app_version(chart: Chart) -> str:
    book, home = chart.book, chart.target.application.home
    return str(values_of(book.repository, join(home, charts.CHART)).get("appVersion") or "")


def _image_values(
    chart: Chart, variant: Variant, current: Image, new: Image
) -> dict[tuple[str, ...], str]:
    """What is to be set, by its name below the component."""
    if isinstance(chart.spot(variant, charts.IMAGE).value, str):
        return {(charts.IMAGE,): str(new)}
    changed: dict[tuple[str, ...], str] = {}
    if new.repository != current.repository:
        name = new.repository
        registry = _said(chart, variant, "registry")
        if registry:
            first, slash, rest = name.partition("/")
            if not slash or not rest or not ("." in first or ":" in first):
                raise Opaque(f"the chart takes the registry {registry} apart from the name")
            changed[charts.IMAGE, "registry"], name = first, rest
        key = "repository" if _said(chart, variant, "repository") else "name"
        changed[charts.IMAGE, key] = name
    if new.tag and new.tag != current.tag:
        changed[charts.IMAGE, "tag"] = new.tag
    if (new.digest or "") != _said(chart, variant, "digest"):
        changed[charts.IMAGE, "digest"] = new.digest or ""
    return changed


# --- replicas, resources, variables ---------------------------------------------------------------


def _scale(chart: Chart, intent: Intent) -> None:
    key = next((k for k in charts.REPLICAS for v in chart.target.every if _set(chart, v, k)), None)
    if key is None:
        raise Opaque(f"the values of {chart.target.name} hold no number of replicas")
    for variant, spot, shared in governed(chart.target, intent, lambda v: chart.spot(v, key)):
        current = spot.value if isinstance(spot.value, int) else 1
        wanted = max(0, current + intent.by) if intent.by else intent.replicas
        if wanted is None or wanted == spot.value:
            continue
        note = f"set {dotted(spot.at)} from {current} to {wanted}"
        chart.write(variant, spot, wanted, note, shared=shared)
        chart.book.say(f"replicas {current} to {wanted}{chart.target.where}")
        if wanted == 0:
            chart.book.warn(f"With 0 replicas {chart.target.name} serves nobody.")
        if chart.spot(variant, "autoscaling", "enabled").value is True:
            chart.book.warn("The chart's autoscaler is on: it sets the number of replicas itself.")


def _set(chart: Chart, variant: Variant, *inside: str) -> bool:
    return chart.spot(variant, *inside).value is not None


def _limit(chart: Chart, intent: Intent) -> None:
    for key, value in intent.resources:
        side, _, kind = key.partition(".")
        way = (charts.RESOURCES, side, kind)
        for variant, spot, shared in governed(chart.target, intent, _finder(chart, way)):
            if spot.value is not None and str(spot.value) == value:
                continue
            what = f"{kind} {side.removesuffix('s')}"
            chart.write(variant, spot, value, f"set the {what} to {value}", shared=shared)
            chart.book.say(f"{what} {value}{chart.target.where}")
    for variant in chart.target.chosen:
        for kind in ("cpu", "memory"):
            _check_amounts(chart, variant, kind)


def _finder(chart: Chart, way: Path) -> Callable[[Variant], Spot]:
    return lambda variant: chart.spot(variant, *way)


def _check_amounts(chart: Chart, variant: Variant, kind: str) -> None:
    """Kubernetes refuses a request above its limit."""
    request, most = (
        chart.spot(variant, charts.RESOURCES, side, kind).value for side in ("requests", "limits")
    )
    low, high = amount(str(request)), amount(str(most))
    if low is not None and high is not None and low > high:
        text = f"The {kind} request {request} would be above the limit {most}. State both."
        raise ask(Topic.VALUE, text, slot=Slot.RESOURCES)


def _variables(chart: Chart, intent: Intent) -> None:
    for name, value in intent.env:
        _variable(chart, intent, name, value)
    for name in intent.unset:
        _variable(chart, intent, name, None)


def _variable(chart: Chart, intent: Intent, name: str, value: str | None) -> None:
    """Set or, without a value, remove a variable, in a list of names or a mapping."""
    key = next((k for k in charts.ENV for v in chart.target.every if _set(chart, v, k)), None)
    if key is None:
        raise Opaque(f"the values of {chart.target.name} hold no variables by a usual name")
    listed = any(isinstance(chart.spot(v, key).value, list) for v in chart.target.every)
    way = (key,) if listed else (key, name)
    change = _in_list if listed else _in_mapping
    for variant, spot, shared in governed(chart.target, intent, _finder(chart, way)):
        if change(chart, variant, spot, name, value, shared=shared):
            said = f"no {name} any more" if value is None else f"{name}={value}"
            chart.book.say(f"{said}{chart.target.where}")


def _in_list(
    chart: Chart, variant: Variant, spot: Spot, name: str, value: str | None, *, shared: bool
) -> bool:
    """Helm replaces a list whole, so it is changed only where it stands."""
    if shared:
        raise Opaque(f"a list in the values of {variant.label} would replace the one of all")
    listed = spot.value if isinstance(spot.value, list) else []
    index = next((i for i, entry in enumerate(listed) if dig(entry, ("name",)) == name), None)
    if index is None:
        if value is not None:
            chart.book.append(spot, {"name": name, "value": value}, f"set {name} to {value!r}")
        return value is not None
    if value is None:
        chart.book.remove(Spot(spot.path, 0, (*spot.at, index), None), f"remove {name}")
        return True
    entry = listed[index]
    if "valueFrom" in entry:
        raise Opaque(f"{name} is read from a Secret or a ConfigMap, the values hold none of it")
    at = (*spot.at, index, "value")
    chart.book.assign(Spot(spot.path, 0, at, None), value, f"set {name} to {value!r}")
    return bool(entry.get("value") != value)


def _in_mapping(
    chart: Chart, variant: Variant, spot: Spot, name: str, value: str | None, *, shared: bool
) -> bool:
    """Helm merges mappings, so a single key may be overridden."""
    if isinstance(spot.value, dict | list):
        raise Opaque(f"{name} is no plain value among the values of {chart.target.name}")
    if value is None and spot.value is not None:
        if shared:
            raise Opaque(f"{name} is set for every environment, not for {variant.label}")
        chart.book.remove(spot, f"remove {name}")
        return True
    if value is None or str(spot.value) == value:
        return False
    chart.write(variant, spot, value, f"set {name} to {value!r}", shared=shared)
    return True
