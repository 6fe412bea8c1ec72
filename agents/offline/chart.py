"""The values of a Helm chart as its Argo CD applications read them, and the place of each value.

A variant is one Argo CD application of the chart; its chain are the value files, outermost first,
with the chart's own values last. No chart is rendered: what its templates make of the values is
known by the usual names alone (`agents.manifests.charts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.manifests import charts
from agents.manifests.charts import Path, Source, dig
from agents.offline import kustomize
from agents.offline.book import Book
from agents.offline.intent import Intent
from agents.offline.kustomize import Variant
from agents.offline.layout import Application, Repository, join
from agents.offline.outcome import Topic, ask
from agents.offline.targets import Target
from agents.offline.wanted import chart_sources
from agents.offline.workloads import Opaque, Spot


@dataclass(frozen=True, slots=True)
class Chart:
    """One component of a chart that is being changed: `at` is its place in the values."""

    book: Book
    target: Target
    sources: dict[str, Source]  # by the label of their variant
    at: Path

    def spot(self, variant: Variant, *inside: str | int) -> Spot:
        """Where a value is set for a variant. Raises `Opaque` where the application sets it."""
        way = (*self.at, *inside)
        source = self.sources.get(variant.label)
        if source and source.sets(way):
            raise Opaque(f"{source.file} sets {dotted(way)} itself, before any values file")
        for path in variant.chain:
            found = dig(values_of(self.book.fresh(), path), way)
            if found is not None:
                return self._settable(variant, path, way, found)
        return self._settable(variant, variant.chain[-1], way, None)

    def _settable(self, variant: Variant, path: str, way: Path, value: Any) -> Spot:
        """The chart's own values are but defaults where a variant alone has a file of its own.

        A list is changed where it stands: another file would replace the whole of it.
        """
        alone = len(self.target.every) == 1 or self.target.partial
        if path == variant.chain[-1] and alone and not isinstance(value, list):
            own = kustomize.own_of(variant, self.target.every) if self.target.partial else None
            path = own or variant.chain[0]
        return Spot(path, 0, way, value)

    def write(self, variant: Variant, spot: Spot, value: Any, note: str, *, shared: bool) -> None:
        """Set a value, for this variant alone where the place is `shared` with others."""
        if not shared:
            self.book.assign(spot, value, note)
            return
        own = kustomize.own_of(variant, self.target.every)
        if own is None:
            raise Opaque(f"{variant.label} has no values file of its own to override it in")
        self.book.assign(Spot(own, 0, spot.at, None), value, f"{note} for {variant.label} alone")


def own_values(repository: Repository, application: Application) -> str:
    for name in charts.VALUES:
        path = join(application.home, name)
        if path in repository.texts:
            return path
    raise Opaque(f"{application.home} has no values.yaml that could be read")


def values_of(repository: Repository, path: str) -> dict[str, Any]:
    documents = repository.documents(path)
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def variants(
    repository: Repository, application: Application, own: str
) -> list[tuple[Variant, Source | None]]:
    found = [s for s in chart_sources(repository) if s.chart == application.home]
    if not found:
        return [(Variant("", (own,)), None)]
    variants: list[tuple[Variant, Source | None]] = []
    for source in sorted(found, key=lambda each: each.name):
        named = tuple(path for path in reversed(source.value_files) if path != own)
        label = _label(source.name, application.name) if len(found) > 1 else ""
        variants.append((Variant(label, (*named, own)), source))
    return variants


def _label(name: str, chart: str) -> str:
    """`web-prod` of the chart `web` is `prod`."""
    return name.removeprefix(f"{chart}-").removesuffix(f"-{chart}") or name


def component(repository: Repository, target: Target, intent: Intent) -> Path:
    """Which workload of the chart is meant; asks where that cannot be told."""
    paths = dict.fromkeys(path for variant in target.every for path in reversed(variant.chain))
    found = list(
        dict.fromkeys(at for path in paths for at in charts.components(values_of(repository, path)))
    )
    names = {".".join(map(str, at)) or target.name: at for at in found}
    wanted = intent.container or target.name
    if wanted in names:
        return names[wanted]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Opaque(f"the values of {target.name} hold no image by a usual name")
    raise ask(Topic.CONTAINER, f"{target.name} has these: {', '.join(names)}.", *names)


def dotted(way: Path) -> str:
    return ".".join(map(str, way))
